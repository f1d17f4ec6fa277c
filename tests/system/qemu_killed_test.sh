#!/bin/bash
# SIGKILL of QEMU in mid-run: the trace opens, its commands are whole up to the last, and it replays.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need qemu-system-x86_64 Xvfb
trace=$work/killed.vgpu


# bash leaves its pid behind, and becomes QEMU.
# shellcheck disable=SC2016
background "$samples/guest/run-qemu" --serial "$work/serial" --run "kmscube -c 1000000" -- \
  vgpu-capture run -o "$trace" -- bash -c 'echo $$ >"$0"; exec "$@"' "$work/pid"
runner=$!
wait_until 300 "frame 30 of the guest" has_frames "$trace" 30
kill -KILL "$(cat "$work/pid")"
status=0
wait "$runner" || status=$?
[ "$status" -eq 77 ] && skip "the guest cannot be booted here"
[ "$status" -eq 137 ] || fail "vgpu-capture passed on exit status $status, expected 137 (SIGKILL)"
expect_killed_trace "$trace"
