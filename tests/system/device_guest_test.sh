#!/bin/bash
# A guest on our device: the console and kmscube are drawn; what QEMU shows is what the trace holds; the
# trace replays to the same responses, fences and frames, three times.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
source "$(dirname "${BASH_SOURCE[0]}")/device_support.sh"

trace=$work/device.vgpu
start_device "$trace"
start_guest "console hold stopped_cube hold"

screenshot "$work/console.png"
sleep 2  # what was recorded is in the file by then
console_frames=$(fact "$trace" frames)
continue_guest
screenshot "$work/cube.png"
continue_guest
end_guest
grep -q 'renderer: "virgl' "$work/serial" || fail "the guest did not draw with virgl"

frames=$(fact "$trace" frames)
expect_at_least frames "$frames" $((console_frames + 30))
expect_frame "$trace" $((console_frames - 1)) "$work/console.png"
expect_frame "$trace" $((frames - 1)) "$work/cube.png"
verify_three_times "$trace"
