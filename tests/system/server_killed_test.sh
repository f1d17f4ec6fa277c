#!/bin/bash
# SIGKILL of the render server in mid-run: the trace opens, its commands are whole up to the last, and
# it replays.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need virgl_test_server Xvfb glmark2-es2
trace=$work/killed.vgpu
start_display
start_server vgpu-capture run -o "$trace" --
start_client build:duration=100
wait_until 60 "frame 30" has_frames "$trace" 30
kill -KILL "$(cat "$work/server-pid")"
status=0
wait "$recorder" || status=$?
[ "$status" -eq 137 ] || fail "vgpu-capture passed on exit status $status, expected 137 (SIGKILL)"
expect_killed_trace "$trace"
