#!/bin/bash
# mapped_blob_test.sh PROGRAM: memory that the guest changes without a command, in a mapped blob, is
# sampled, and a replay reads back what the program did, wherever its resources lie.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

trace=$work/blob.vgpu
status=0
LIBGL_ALWAYS_SOFTWARE=1 vgpu-capture run -o "$trace" -- "$1" || status=$?
[ "$status" -ne 77 ] || skip "the renderer library here maps no blob of the host"
[ "$status" -eq 0 ] || fail "the recorded program ended with exit status $status"
sampled=$(vgpu-replay dump "$trace" | grep -c 'memory.*sampled=yes') || true
[ "$sampled" -ge 40 ] || fail "the trace has $sampled samples of the mapped blob, expected at least 40"
verify_three_times "$trace"
# Without a window the guest has a view of the blob, whose bytes are copied to and fro.
for heap in guest dedicated dynamic; do
  verify "$trace" --heap "$heap"
done
