#!/bin/bash
# A guest that draws from host memory that stays mapped into it (host-visible blobs): what it writes
# there without a command is in the recording, and three replays read back what the guest did.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need qemu-system-x86_64 Xvfb
trace=$work/blob.vgpu
status=0
"$samples/guest/run-qemu" --blob --serial "$work/serial" --run "persistent_map 60" -- \
  vgpu-capture run -o "$trace" -- 2>"$work/err" || status=$?
cat "$work/err" >&2
[ "$status" -ne 77 ] || skip "$(tail -n 1 "$work/err" "$work/serial" | tail -n 1)"
[ "$status" -eq 0 ] || { cat "$work/serial"; fail "the recorded guest ended with exit status $status"; }
grep 'frames are right' "$work/serial" || fail "the guest did not draw"

vgpu-replay dump "$trace" >"$work/dump"
grep -q 'RESOURCE_MAP_BLOB' "$work/dump" || fail "the guest mapped no blob"
sampled=$(grep -c '^memory.*sampled=yes' "$work/dump") || true
[ "$sampled" -ge 60 ] || fail "the trace has $sampled samples of mapped blobs, expected at least 60"
verify_three_times "$trace"
