#!/bin/bash
# Records kmscube in a Linux guest on QEMU's virtio-vga-gl, and replays it three times.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need qemu-system-x86_64 Xvfb
trace=$work/guest.vgpu
status=0
"$samples/guest/run-qemu" --serial "$work/serial" --run "kmscube -c 60" -- vgpu-capture run --frame-checks all -o "$trace" -- || status=$?
[ "$status" -ne 77 ] || skip "the guest cannot be booted here"
[ "$status" -eq 0 ] || { cat "$work/serial"; fail "the recorded guest ended with exit status $status"; }
grep -q 'renderer: "virgl' "$work/serial" || fail "the guest did not draw with virgl"
grep 'Rendered .* frames' "$work/serial"

expect_at_least frames "$(fact "$trace" frames)" 59
verify_three_times "$trace"
