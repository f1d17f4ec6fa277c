# Shared by the system tests; sourced by each of them, not run. The programs under test are found
# through PATH, which ctest sets. Every test gets an empty folder, $work, that is removed at its end,
# and ends the processes that it registers with `background`.
# shellcheck shell=bash
set -euo pipefail

export LC_ALL=C
work=$(mktemp -d "${TMPDIR:-/tmp}/vgpu-test.XXXXXX")
background_pids=()
# shellcheck disable=SC2034  # for the tests
samples=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../samples" && pwd)

# The processes that a process started, and those that they did, deepest first.
descendants_of() {
  local child children
  children=$(cat "/proc/$1"/task/*/children 2>/dev/null) || return 0
  for child in $children; do
    descendants_of "$child"
    echo "$child"
  done
}

clean_up() {
  local pid
  for pid in "${background_pids[@]}"; do
    # shellcheck disable=SC2046
    kill -KILL $(descendants_of "$pid") "$pid" 2>/dev/null || true
  done
  { wait; } 2>/dev/null
  rm -rf "$work"
}
trap clean_up EXIT

fail() {
  echo "failed: $1" >&2
  exit 1
}

# ctest shows exit status 77 as skipped.
skip() {
  echo "skipped: $1"
  exit 77
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || skip "the program '$program' is not installed"
  done
}

# golden_digest SET PICTURE: what the set's manifest says that the picture is.
golden_digest() {
  grep -B1 "\"file\": \"$2\"" "$1/manifest.json" | sed -n 's/.*"digest": "\(.*\)",/\1/p'
}

# Starts a command in the background; its pid is in $!.
background() {
  "$@" &
  background_pids+=($!)
}

# A virtual X server of the test's own, and $DISPLAY for it.
start_display() {
  # A server that resets when its last client leaves turns away one that comes at that moment.
  background Xvfb -displayfd 1 -screen 0 800x600x24 -nolisten tcp -noreset >"$work/display" 2>"$work/display-log"
  wait_until 20 "Xvfb's start" test -s "$work/display"
  DISPLAY=:$(cat "$work/display")
  export DISPLAY
}

# wait_until SECONDS WHAT COMMAND...: repeats COMMAND until it succeeds.
wait_until() {
  local seconds=$1 what=$2 end
  shift 2
  end=$((SECONDS + seconds))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "$what did not happen within $seconds seconds"
    sleep 0.1
  done
}

expect_status() {
  local expected=$1 status=0
  shift
  "$@" || status=$?
  [ "$status" -eq "$expected" ] || fail "'$*' ended with exit status $status, expected $expected"
}

# fact TRACE NAME: one number of `vgpu-replay info --json`.
fact() {
  vgpu-replay info --json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$2"
}

expect_at_least() {
  [ "$2" -ge "$3" ] || fail "the trace has $2 $1, expected at least $3"
}

# verify TRACE [OPTION...]: replays it in a fresh process; every check must be identical, and there must be some.
verify() {
  local status=0
  vgpu-replay verify --json --keep "$work/differences" "$@" >"$work/verify" || status=$?
  [ "$status" -eq 0 ] || { cat "$work/verify"; fail "verify ended with exit status $status"; }
  python3 - "$work/verify" <<'PYTHON' || fail "verify compared no picture"
import json, sys
result = json.load(open(sys.argv[1]))
compared = result["compared"]
print("identical:", ", ".join(f"{count} {what}" for what, count in compared.items()),
      f"; {result['unanswered']} unanswered, {result['seconds']:.2f} s")
sys.exit(compared["frames"] + compared["readbacks"] == 0)
PYTHON
}

# With VGPU_TEST_ONCE (sanitizers) once.
verify_three_times() {
  [ -n "${VGPU_TEST_ONCE-}" ] || { verify "$1"; verify "$1"; }
  verify "$1"
}

# A trace whose program or recorder was killed: it opens, its commands have all numbers from 0 on, each is
# answered, or, the last one alone, marked unanswered, and what it holds replays.
expect_killed_trace() {
  local trace=$1
  vgpu-replay info "$trace" || fail "the trace of a killed program does not open"
  vgpu-replay dump --no-virgl --json "$trace" >"$work/dump"
  python3 - "$work/dump" "$(fact "$trace" commands)" <<'PYTHON' || fail "the trace of a killed program is not whole"
import json, sys
packets = map(json.loads, open(sys.argv[1]))
commands = [packet for packet in packets if packet["packet"] == "command"]
if [command["number"] for command in commands] != list(range(int(sys.argv[2]))) or not commands:
    sys.exit(f"{len(commands)} commands, not numbered from 0 to {int(sys.argv[2]) - 1}")
for command in commands:
    last = command is commands[-1]
    if ("response" in command) == command["unanswered"] or command["unanswered"] and not last:
        sys.exit(f"command {command['number']} of {len(commands)}: unanswered {command['unanswered']}, "
                 f"response {command.get('response')}")
print("the last command, number", commands[-1]["number"], "unanswered:", commands[-1]["unanswered"])
PYTHON
  verify "$trace"
}

has_frames() {
  [ -s "$1" ] && [ "$(fact "$1" frames 2>/dev/null || echo 0)" -ge "$2" ]
}

# Is anything listening on the fixed socket of virgl_test_server?
server_listens() {
  grep -q '00010000 .* /tmp/\.virgl_test$' /proc/net/unix
}

# start_server PREFIX...: a render server behind a recorder; sets $recorder, and ends when its one
# client has left. Its exit status goes to $work/server-status, its pid to $work/server-pid.
start_server() {
  if server_listens; then skip "another program listens on /tmp/.virgl_test"; fi
  # shellcheck disable=SC2016
  LIBGL_ALWAYS_SOFTWARE=1 background "$@" bash -c '
    virgl_test_server --use-egl-surfaceless --no-loop-or-fork &
    echo $! >"$0/server-pid"
    status=0
    wait $! || status=$?
    echo $status >"$0/server-status"
    exit $status' "$work"
  # shellcheck disable=SC2034
  recorder=$!
  wait_until 10 "virgl_test_server's start" server_listens
}

# start_client SCENE: glmark2 that draws on that server; sets $client.
start_client() {
  GALLIUM_DRIVER=virpipe LIBGL_ALWAYS_SOFTWARE=1 background glmark2-es2 -s 400x300 -b "$1"
  # shellcheck disable=SC2034
  client=$!
}

# verify_everywhere TRACE HEAP_SIZE: TRACE replays to the checks in it wherever its resources lie: in scattered
# pages, in one pool, in a window, whoever allocates. The pool and the window take turns; with VGPU_TEST_ONCE
# (sanitizers) there is one turn.
verify_everywhere() {
  local allocators allocator policy
  allocators=$(vgpu-replay run --help | sed -n 's/.*--allocator NAME:{\(.*\)}.*/\1/p' | tr , ' ')
  [ "$(wc -w <<<"$allocators")" -ge 7 ] || fail "--help lists the allocators '$allocators'"
  verify "$1" --heap guest
  [ -z "${VGPU_TEST_ONCE-}" ] || allocators='first-fit size-classes'
  policy=dynamic
  for allocator in $allocators; do
    [ "$policy" = dedicated ] && policy=dynamic || policy=dedicated
    verify "$1" --heap "$policy" --heap-size "$2" --allocator "$allocator"
  done
}
