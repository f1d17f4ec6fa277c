#!/bin/bash
# device_tour_test.sh STEPS [OPTION...]: a guest takes steps of samples/guest/tour on our device; the last
# picture that QEMU shows is in the trace, and the trace replays. The options are run-qemu's.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
source "$(dirname "${BASH_SOURCE[0]}")/device_support.sh"

trace=$work/device.vgpu
steps=$1
shift
start_device "$trace"
start_guest "$steps console hold" "$@"
screenshot "$work/console.png"
continue_guest
end_guest
for step in $steps; do
  grep "^tour: $step ended" "$work/serial"
done

# Which commands a step leads to for certain, and how many at least.
vgpu-replay dump --no-virgl "$trace" >"$work/dump"
expect_commands() {
  local seen
  seen=$(grep -c "\b$1\b" "$work/dump") || true
  [ "$seen" -ge "$2" ] || fail "the trace has $seen of $1, expected at least $2"
}
for step in $steps; do
  case $step in
    cursor) expect_commands UPDATE_CURSOR 3; expect_commands MOVE_CURSOR 30 ;;
    flips) expect_commands SET_SCANOUT 60 ;;
    parts) expect_commands TRANSFER_TO_HOST_2D 40 ;;
    killed_cube) expect_commands CTX_DESTROY 4 ;;
    cube | glmark2) expect_commands SUBMIT_3D 60 ;;
  esac
done
expect_frame "$trace" $(($(fact "$trace" frames) - 1)) "$work/console.png"
verify "$trace"
