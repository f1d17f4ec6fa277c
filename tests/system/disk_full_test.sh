#!/bin/bash
# The disk is full while recording: a clear message, the application runs on to its end, and what was
# recorded before opens and replays. The disk is a small tmpfs of a mount namespace of our own.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need virgl_test_server Xvfb glmark2-es2 unshare
apart=(unshare --mount)
[ "$(id -u)" -eq 0 ] || apart+=(--map-root-user)
"${apart[@]}" true 2>/dev/null || skip "this user may not make a mount namespace"
start_display
mkdir "$work/disk"

# The namespace ends with its shell: what lies on its disk is copied out before.
cat >"$work/record" <<TEXT
mount -t tmpfs -o size=3m none "$work/disk" || exit 77
vgpu-capture app --compression none -o "$work/disk/full.vgpu" -- glmark2-es2 -s 400x300 -b build:duration=300:nframes=600
echo \$? >"$work/status"
cp "$work/disk/full.vgpu" "$work/full.vgpu"
TEXT
"${apart[@]}" bash "$work/record" >"$work/out" 2>"$work/err" ||
  skip "a tmpfs cannot be mounted here"

cat "$work/out" "$work/err"
grep -q 'glmark2 Score' "$work/out" || fail "the application did not run to its end"
grep -q "full\.vgpu.*No space left on device" "$work/err" || fail "no message says that the disk is full"
[ "$(cat "$work/status")" -eq 4 ] || fail "vgpu-capture ended with exit status $(cat "$work/status"), expected 4"
expect_killed_trace "$work/full.vgpu"
