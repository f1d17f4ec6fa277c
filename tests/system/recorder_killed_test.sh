#!/bin/bash
# SIGKILL of the recorder: the recorded program runs on, serves its client to the end and exits with
# 0; what was recorded opens and replays.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need virgl_test_server Xvfb glmark2-es2
trace=$work/orphan.vgpu
start_display
start_server vgpu-capture run -o "$trace" --
start_client build:duration=5
wait_until 60 "frame 30" has_frames "$trace" 30
kill -KILL "$recorder"
status=0
wait "$client" || status=$?
[ "$status" -eq 0 ] || fail "the client of the recorded program ended with exit status $status"
wait_until 10 "the recorded program's end" test -s "$work/server-status"
[ "$(cat "$work/server-status")" -eq 0 ] || fail "the recorded program ended with exit status $(cat "$work/server-status")"
expect_killed_trace "$trace"

vgpu-replay recover "$trace" -o "$work/recovered.vgpu"
[ "$(fact "$work/recovered.vgpu" has_index)" = True ] || fail "the recovered trace has no index"
[ "$(fact "$work/recovered.vgpu" commands)" -eq "$(fact "$trace" commands)" ] || fail "recovery lost commands"
verify "$work/recovered.vgpu"
