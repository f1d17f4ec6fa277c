#!/bin/bash
# device_process_test.sh FRONT_END: the processes of `vgpu-capture device`: they end with their front-end or
# a signal, one that is killed leaves a whole trace and a message, and the next front-end is served.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

front_end=$1

# serve OPTION...: the device, 2D alone, on $work/gpu; sets $device.
serve() {
  background vgpu-capture device --no-virgl --socket-path "$work/gpu" "$@" 2>"$work/err"
  device=$!
  wait_until 60 "the device's socket" test -S "$work/gpu"
}

# Draws some frames and stays until hang_up.
stay() {
  rm -f "$work/input"
  mkfifo "$work/input"
  exec {input}<>"$work/input"
  : >"$work/out"
  "$front_end" "$work/gpu" "$1" <"$work/input" >"$work/out" &
  guest=$!
  background_pids+=("$guest")
  wait_until 60 "the guest's drawing" grep -q drawn "$work/out"
}

hang_up() {
  exec {input}>&-
  kill "$guest" 2>/dev/null || true
  wait "$guest" || true
}

expect_device() {
  local status=0
  wait "$device" || status=$?
  [ "$status" -eq "$1" ] || { cat "$work/err"; fail "the device ended with exit status $status, expected $1"; }
  [ ! -e "$work/gpu" ] || fail "the device left its socket"
}

identical() {
  vgpu-replay verify --renderer software "$1" >"$work/verify" || { cat "$work/verify"; fail "$1 does not replay"; }
}

# A front-end comes and goes.
serve -o "$work/plain.vgpu" --frame-checks all
"$front_end" "$work/gpu" 7 </dev/null || fail "the front-end is not served"
expect_device 0
[ "$(fact "$work/plain.vgpu" frames)" -eq 7 ] || fail "the trace has $(fact "$work/plain.vgpu" frames) frames, expected 7"
identical "$work/plain.vgpu"

# A guest goes on writing the dedicated heap while the device reads it: what was read is what was recorded
# and what was shown, since nothing is read twice.
serve -o "$work/racing.vgpu" --frame-checks all --heap-size 1M
"$front_end" "$work/gpu" 60 racing </dev/null || fail "the racing front-end is not served"
expect_device 0
[ "$(fact "$work/racing.vgpu" frames)" -eq 60 ] || fail "the trace has $(fact "$work/racing.vgpu" frames) frames, expected 60"
identical "$work/racing.vgpu"
vgpu-replay info "$work/racing.vgpu" | grep -q "^dedicated heap: 1024.0 KiB at 0xe0000000" || { vgpu-replay info "$work/racing.vgpu"; fail "the trace does not say where the heap is"; }

# The process that serves dies: the trace is whole, and the message says how.
serve -o "$work/killed.vgpu"
stay 5
pkill -SEGV -P "$device" || fail "the device has no process that serves"
expect_device 4
hang_up
grep -q "ended by signal 11" "$work/err" || { cat "$work/err"; fail "the message does not name the signal"; }
expect_killed_trace "$work/killed.vgpu"
identical "$work/killed.vgpu"

# The same while it draws.
serve -o "$work/busy.vgpu"
background "$front_end" "$work/gpu" 1000000 </dev/null 2>/dev/null
wait_until 60 "frame 30" has_frames "$work/busy.vgpu" 30
pkill -KILL -P "$device"
expect_device 4
expect_killed_trace "$work/busy.vgpu"

# With --persist the next front-end is served, after one that went and one whose process died.
serve --persist -o "$work/persist.vgpu"
"$front_end" "$work/gpu" 2 </dev/null || fail "the first front-end is not served"
stay 3
pkill -KILL -P "$device"
wait_until 60 "the message" grep -q "ended by signal 9" "$work/err"
hang_up
"$front_end" "$work/gpu" 4 </dev/null || fail "the third front-end is not served"
wait_until 60 "the third summary" grep -q "persist.2.vgpu: 4 frames" "$work/err"
kill -TERM "$device"
expect_device 0
for trace in persist persist.1 persist.2; do identical "$work/$trace.vgpu"; done

# Asked to end while it serves, and while nobody has come; without a recording too.
serve -o "$work/term.vgpu"
stay 2
kill -TERM "$device"
expect_device 0
hang_up
identical "$work/term.vgpu"
serve
kill -INT "$device"
expect_device 0
serve
"$front_end" "$work/gpu" 1 </dev/null || fail "a front-end that is not recorded is not served"
expect_device 0

# A second device on the socket of one that runs is refused, and does not disturb it.
serve
expect_status 2 vgpu-capture device --no-virgl --socket-path "$work/gpu"
"$front_end" "$work/gpu" 1 </dev/null || fail "the device was disturbed by a second one"
expect_device 0

# A socket that is inherited, as QEMU's tools hand it over.
python3 - "$work/fd" "$front_end" <<'PYTHON' || fail "--fd does not serve"
import socket, subprocess, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
guest = subprocess.Popen([sys.argv[2], sys.argv[1], '3'], stdin=subprocess.DEVNULL)
connection, _ = listener.accept()
device = subprocess.Popen(['vgpu-capture', 'device', '--no-virgl', '--fd', str(connection.fileno())], pass_fds=[connection.fileno()])
connection.close()
sys.exit(guest.wait(60) or device.wait(60))
PYTHON
