#!/bin/bash
# The same guest run, recorded through the preload library and through the device: the same commands
# where both can see them.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"
source "$(dirname "${BASH_SOURCE[0]}")/device_support.sh"

need Xvfb
qemu=$("$samples/guest/find-qemu")
steps="small_mode cube"
status=0
"$samples/guest/run-qemu" --qemu "$qemu" --serial "$work/serial" --run "tour $steps" -- \
  vgpu-capture run -o "$work/shim.vgpu" -- 2>"$work/err" || status=$?
[ "$status" -ne 77 ] || skip "$(tail -n 1 "$work/err")"
[ "$status" -eq 0 ] || { cat "$work/err" "$work/serial"; fail "the guest on QEMU's device ended with exit status $status"; }

start_device "$work/device.vgpu"
start_guest "$steps"
end_guest
for trace in shim device; do vgpu-replay dump --json --data "$work/$trace.vgpu" >"$work/$trace.json"; done
"$system/compare_sources.py" "$work/shim.json" "$work/device.json" kmscube || fail "the two recordings differ"
