#!/bin/bash
# A guest on our device: the console and kmscube are drawn; what QEMU shows is what the trace holds; the
# trace replays to the same responses, fences and frames, three times.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
source "$(dirname "${BASH_SOURCE[0]}")/device_support.sh"

trace=$work/device.vgpu
start_device "$trace"
start_guest "console hold stopped_cube hold"

screenshot "$work/console.png"
continue_guest
# kmscube says every two seconds how much it has drawn.
wait_until 300 "kmscube's drawing" grep -q 'Rendered [0-9]* frames' "$work/serial"
continue_guest
screenshot "$work/cube.png"
continue_guest
end_guest
grep -q 'renderer: "virgl' "$work/serial" || fail "the guest did not draw with virgl"

frames=$(fact "$trace" frames)
vgpu-replay dump --no-virgl "$trace" >"$work/dump"
console=$(sed -n '/SUBMIT_3D/q; s/^frame number=\([0-9]*\) .*/\1/p' "$work/dump" | tail -n 1)
expect_at_least frames "$frames" $((console + 2))
expect_frame "$trace" "$console" "$work/console.png"
expect_frame "$trace" $((frames - 1)) "$work/cube.png"
verify_three_times "$trace"
verify_everywhere "$trace" 64M
