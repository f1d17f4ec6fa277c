# Shared by the tests of `vgpu-capture device` with a guest; sourced by each of them after support.sh.
# shellcheck shell=bash
export LIBGL_ALWAYS_SOFTWARE=1
system=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
held=0

need python3
vgpu-capture device --help >/dev/null 2>&1 || skip "this vgpu-capture has no verb device"
"$samples/guest/find-qemu" >/dev/null 2>"$work/err" || skip "$(tail -n 1 "$work/err")"

# start_device TRACE [OPTION...]: the device on $work/gpu; sets $device.
start_device() {
  local trace=$1
  shift
  background vgpu-capture device --socket-path "$work/gpu" --frame-checks all -o "$trace" "$@"
  device=$!
  wait_until 60 "the device's socket" test -S "$work/gpu"
}

# start_guest STEPS [OPTION...]: a guest on that device that takes the steps of samples/guest/tour, and
# continues after each `hold` when told to; sets $guest.
start_guest() {
  local steps=$1
  shift
  start_guest_with "tour $steps" "$@"
}

# start_guest_with COMMAND [OPTION...]: the same with any command that holds as those steps do.
start_guest_with() {
  local command=$1
  shift
  : >"$work/serial"
  mkfifo "$work/input"
  exec {input}<>"$work/input"
  background "$samples/guest/run-qemu" --vhost-user "$work/gpu" --qmp "$work/qmp" --input "$work/input" \
    --serial "$work/serial" --timeout 400 --run "$command" "$@"
  guest=$!
}

# Has the guest come to that many holds, or to its end?
has_held() {
  [ "$(grep -c 'holds the picture' "$work/serial" 2>/dev/null)" -ge "$1" ] || ! kill -0 "$guest" 2>/dev/null
}

# screenshot FILE: waits for the guest's next hold, and has QEMU write what it shows.
screenshot() {
  held=$((held + 1))
  wait_until 300 "hold $held of the guest" has_held "$held"
  kill -0 "$guest" 2>/dev/null || { end_guest; fail "the guest ended before its hold $held"; }
  "$system/qmp.py" "$work/qmp" screendump "$1" || fail "QEMU writes no picture"
}

continue_guest() {
  echo >&"$input"
}

# The guest and then the device must end well; what the guest said is in $work/serial.
end_guest() {
  local status=0
  wait "$guest" || status=$?
  [ "$status" -ne 77 ] || skip "the guest cannot be booted here"
  [ "$status" -eq 0 ] || { cat "$work/serial"; fail "the guest ended with exit status $status"; }
  wait "$device" || status=$?
  [ "$status" -eq 0 ] || fail "the device ended with exit status $status"
}

# expect_frame TRACE NUMBER PICTURE: that frame of the trace, replayed, is the picture.
expect_frame() {
  local name
  vgpu-replay run --frames "$2-$2" --snapshots "$work/frames" "$1" >"$work/out" || { cat "$work/out"; fail "frame $2 cannot be replayed"; }
  name=$work/frames/$(printf 'frame-%06d.png' "$2")
  "$system/picture.py" "$3" "$name" || fail "QEMU shows another picture than frame $2"
}
