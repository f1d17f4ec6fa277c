#!/bin/bash
# Steering a recording that runs: its status, a mark, and its stop, after which the application runs on.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need virgl_test_server Xvfb glmark2-es2
start_display
trace=$work/steered.vgpu
# The program is glmark2 until the test says that it is to end; it must have run so long.
mkfifo "$work/end"
# shellcheck disable=SC2016
background vgpu-capture app -o "$trace" -- bash -c '
  glmark2-es2 -s 400x300 -b build:duration=1000 &
  read -r line <"$0"
  kill $! || exit 9' "$work/end"
recorder=$!
wait_until 60 "frame 10" has_frames "$trace" 10
vgpu-capture ctl "$recorder" status | tee "$work/status"
grep -Eq "^recorder $recorder, program [0-9]+, recording; [1-9][0-9]* renderers? connected$" "$work/status" ||
  fail "the first line of the status names no recorder that records"
grep -Eq "^  $trace: process [0-9]+, recording: [1-9][0-9]* frames, [1-9][0-9]* commands," "$work/status" ||
  fail "the status has no line for the trace with its frames and commands"
vgpu-capture ctl "$recorder" mark "the light turns green"
vgpu-capture ctl "$recorder" stop
# The stop has completed the file: whatever the application still draws, it stays as it is.
[ "$(fact "$trace" has_index)" = True ] || fail "the trace has no index after the stop"
before=$(sha256sum <"$trace")
vgpu-capture ctl "$recorder" status | tee "$work/status"
grep -q "^recorder $recorder, program [0-9]*, stopped; " "$work/status" ||
  fail "the status does not say that the recording is stopped"
echo >"$work/end"
status=0
wait "$recorder" || status=$?
[ "$(sha256sum <"$trace")" = "$before" ] || fail "the trace has changed after the stop"
[ "$status" -eq 0 ] || fail "vgpu-capture ended with exit status $status after a stop, expected the application's 0"
vgpu-replay dump "$trace" >"$work/dump"
grep -q 'the light turns green' "$work/dump" || fail "the mark is not in the trace"
verify "$trace"
