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
expect_frame "$trace" $(($(fact "$trace" frames) - 1)) "$work/console.png"
verify "$trace"
