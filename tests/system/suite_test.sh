#!/bin/bash
# suite_test.sh PLANT_LIBRARY: a suite of real traces: twice green; then crashes, hangs, flakes, limits, expected
# failures, an interrupt and a changed trace, each found and named, and the other traces untouched by them.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

plant=$1
need python3
cd "$work"
cp -r "$samples/traces" traces

# expect PYTHON: an expression over the results in $out, with r the results and t its traces by name.
expect() {
  python3 - "$out/results.json" "$1" <<'PYTHON' || fail "not so: $1"
import json, sys
r = json.load(open(sys.argv[1]))
t = {trace["name"]: trace for trace in r["traces"]}
if not eval(sys.argv[2]):
    for trace in r["traces"]:
        print(trace["name"], trace["status"], trace["exit_code"], trace["attempts"], trace["message"])
    sys.exit(1)
PYTHON
}

# planted WHAT COMMAND...
planted() {
  local what=$1
  shift
  LD_PRELOAD=$plant VGPU_PLANT=$what "$@"
}

cat >all.toml <<'TOML'
[suite]
golden_root = "."

[[trace]]
path = "traces/*.vgpu"
TOML

# Green, twice, with the digests recorded and all files written.
out=all-results
expect_status 0 vgpu-replay suite all.toml
expect_status 0 vgpu-replay suite all.toml --locked --json >all.json
python3 -c 'import json; assert len(json.load(open("all.json"))["traces"]) == 4' || fail "--json printed something else"
expect 'len(t) == 4 and all(x["status"] == "passed" and x["frames"] for x in t.values())'
[ -s $out/report.html ] && [ -s $out/junit.xml ] || fail "a report is missing"
[ ! -e $out/pictures ] || fail "a green suite has pictures"

# A crash: only glmark2 has a submit number 32; it is named with its command, the others pass.
expect_status 4 planted crash:32 vgpu-replay suite all.toml
expect 't["traces/glmark2.vgpu"]["status"] == "error" and "SUBMIT_3D" in t["traces/glmark2.vgpu"]["message"]'
expect '"died of SIGABRT" in t["traces/glmark2.vgpu"]["message"]'
expect 'sum(x["status"] == "passed" for x in t.values()) == 3'

# A hang, the limit of the time in all, and that of CPU time. It stays one, whatever the retries.
cat >limits.toml <<'TOML'
[[trace]]
path = "traces/es2gears.vgpu"
name = "silent"
timeout_seconds = 8

[[trace]]
path = "traces/es2gears.vgpu"
name = "long"
wall_seconds = 1.5
TOML
out=limits-results
expect_status 4 planted hang:20 vgpu-replay suite limits.toml
expect '"made no progress in 8 s" in t["silent"]["message"] and "SUBMIT_3D" in t["silent"]["message"]'
expect '"had not ended after 1.5 s" in t["long"]["message"]'
cat >cpu.toml <<'TOML'
trace = [{ path = "traces/es2gears.vgpu", cpu_seconds = 2 }]
TOML
out=cpu-results
expect_status 4 planted spin:20 vgpu-replay suite cpu.toml
expect '"used 2 s of CPU time" in r["traces"][0]["message"]'

# A failure that is gone when it is replayed again is a flake, which is good unless told otherwise.
cat >one.toml <<'TOML'
trace = [{ path = "traces/es2gears.vgpu" }]
TOML
out=one-results
expect_status 0 planted crash:20:once vgpu-replay suite one.toml --retries 2
expect 'r["traces"][0]["status"] == "flaky" and r["traces"][0]["attempts"] == 2'
expect_status 1 planted crash:20:once vgpu-replay suite one.toml --retries 2 --fail-on-flaky
expect_status 4 planted crash:20:once vgpu-replay suite one.toml

# What the suite expects, and what it does not replay. A golden set of another trace makes a difference.
cat >expected.toml <<'TOML'
[[trace]]
path = "traces/es2gears.vgpu"
name = "differs"
golden = "traces/glmark2"
expect_failure = "another trace's pictures"

[[trace]]
path = "traces/es2gears.vgpu"
name = "passes"
expect_failure = "it does not"

[[trace]]
path = "gone.vgpu"
skip = "it is gone"
TOML
out=expected-results
expect_status 1 vgpu-replay suite expected.toml
expect 't["differs"]["status"] == "expected failure" and t["passes"]["status"] == "unexpected pass"'
expect 't["gone.vgpu"]["status"] == "skipped" and t["gone.vgpu"]["message"] == "it is gone"'
[ -s "$(python3 -c 'import json; t = json.load(open("expected-results/results.json"))["traces"][0]
print("expected-results/" + t["frames"][0]["replayed"])')" ] || fail "the pictures of a difference are not kept"

# Interrupted, it keeps what was done, and goes on from there. The hang is in glmark2 alone.
out=stopped
mkdir -p stopped/pictures/left
touch stopped/junit.xml stopped/report.html stopped/pictures/left/frame-000001.replayed.png  # of an earlier run
background env LD_PRELOAD="$plant" VGPU_PLANT=hang:32 vgpu-replay suite all.toml --jobs 1 --output stopped >stopped.log
suite=$!
done_of() { [ -s stopped/results.json ] && [ "$(grep -c '"status": "passed"' stopped/results.json)" -ge "$1" ]; }
# The longest first: heap, then glmark2 or kmscube, by the times of the last run.
wait_until 60 "the first result" done_of 1
[ ! -e stopped/junit.xml ] && [ ! -e stopped/report.html ] && [ ! -e stopped/pictures/left ] || fail "what an earlier run left is still there"
kill -INT "$suite"
status=0
wait "$suite" || status=$?
[ "$status" -eq 130 ] || fail "an interrupted suite ended with $status"
kept=$(python3 -c 'import json; print(len(json.load(open("stopped/results.json"))["traces"]))')
[ "$kept" -ge 1 ] && [ "$kept" -lt 4 ] || fail "$kept of 4 results were kept"
# What is preloaded belongs to what a result depends on.
expect_status 0 env LD_PRELOAD="$plant" vgpu-replay suite all.toml --resume --output stopped >resumed.log
[ "$(grep -c 'passed, as before' resumed.log)" -eq "$kept" ] || fail "--resume did not keep $kept results: $(cat resumed.log)"
expect 'len(t) == 4 and all(x["status"] == "passed" for x in t.values())'

# A trace that changed is refused, and accepted where that is asked for.
cp traces/kmscube.vgpu traces/es2gears.vgpu
out=one-results
expect_status 3 vgpu-replay suite one.toml
expect '"is another trace than the suite recorded" in r["traces"][0]["message"]'
vgpu-replay suite one.toml --update-digests | grep -q 'traces/es2gears.vgpu: was' || fail "the change is not shown"
expect_status 0 vgpu-replay suite one.toml

expect_status 4 planted crash:0 vgpu-replay suite all.toml --fail-fast --jobs 1 --only 'traces/[hk]*' --output fast
[ "$(python3 -c 'import json; print(len(json.load(open("fast/results.json"))["traces"]))')" -eq 1 ] ||
  fail "--fail-fast went on"

# Measured: the same twice is not slower; with a renderer that takes longer it is, which fails the suite, and is kept
# with the pictures' result. CPU time and a large threshold: other programs run beside this.
cp "$samples/traces/es2gears.vgpu" measured.vgpu
measured() {
  cat <<TOML
[bench]
vs = [$1]
measure = "cpu"
threshold = 50
confidence = 70
runs = 3
warm_up = 1
loops = 1

[[trace]]
path = "measured.vgpu"
frames = "0-9"
TOML
}
# The other program is this one, and says of one of its replays that it differs.
printf '#!/bin/sh\nvgpu-replay "$@" | sed -u "s/\\"difference_count\\": 0/\\"difference_count\\": 1/"\n' >differs
chmod +x differs
measured '"self", "program:differs"' >same.toml
out=same-results
expect_status 0 vgpu-replay suite same.toml
expect 't["measured.vgpu"]["status"] == "passed" and r["not_measured"] == 0'
expect 't["measured.vgpu"]["timing"]["verdict"] in ("no difference found", "faster", "cannot tell")'
expect 'any(note.startswith("timing: ") and "with self program:differs" in note for note in t["measured.vgpu"]["notes"])'
expect 'any("with self program:differs: " in note and "differ from the recording" in note for note in t["measured.vgpu"]["notes"])'
measured "\"preload:$plant\", \"env:VGPU_PLANT=slow:200\"" >slower.toml
out=slower-results
expect_status 1 vgpu-replay suite slower.toml
expect 't["measured.vgpu"]["status"] == "failed" and " % slower in CPU time with preload:" in t["measured.vgpu"]["message"]'
expect 't["measured.vgpu"]["timing"]["low"] > 0 and t["measured.vgpu"]["timing"]["estimate"] > 0.5'
expect_status 1 vgpu-replay suite slower.toml --resume >resumed.log
grep -q 'failed, as before: .* slower' resumed.log || fail "--resume did not keep the measurement: $(cat resumed.log)"
# The command to reproduce finds the files of the suite from here.
mkdir other
cp measured.vgpu other
printf '#!/bin/sh\nexit 4\n' >other/dies
chmod +x other/dies
measured '"program:dies"' >other/dies.toml
out=dies-results
expect_status 4 vgpu-replay suite other/dies.toml
expect '"--vs program:other/dies" in t["measured.vgpu"]["reproduce"]'

# A baseline that is none is said before anything is replayed.
printf '[bench]\nbaseline = "none.json"\n[[trace]]\npath = "measured.vgpu"\n' >none.toml
expect_status 3 vgpu-replay suite none.toml 2>none.log
grep -q 'none.json: cannot be read' none.log || fail "not said: $(cat none.log)"
[ ! -e none-results ] || fail "something was replayed without a baseline"
