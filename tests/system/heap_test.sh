#!/bin/bash
# heap_test.sh TRACE: a sample trace replays to the checks in it wherever its resources lie: under
# each policy, and with each allocator; and the comparison of the policies finds nothing.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

export LIBGL_ALWAYS_SOFTWARE=1
# The samples give back little: that a range is cleared before it is used again, unit tests show.
verify_everywhere "$1" 32M
verify "$1" --heap dynamic

status=0
vgpu-replay run --heap compare --json "$1" >"$work/compare.json" || status=$?
[ "$status" -ne 77 ] || skip "there is no GL here"
[ "$status" -eq 0 ] || fail "run --heap compare ended with exit status $status"
grep -q '"frames_identical": true' "$work/compare.json" || fail "frames differ between policies"
