#!/bin/bash
# The recipes in samples/ci: each parses, and its commands are run for all shards with the variables set as the
# engine sets them. What the merged shards say is what one run says.
source "$(dirname "${BASH_SOURCE[0]}")/support.sh"

need python3
python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
root=$(cd "$samples/.." && pwd)
for script in "$samples"/ci/*; do
  case $script in
    *.yml | *.yaml) ;;
    *) bash -n "$script" || fail "$script does not parse" ;;
  esac
done

# A copy, so that nothing is written beside the sources; recipes name paths from the repository's root.
mkdir "$work/repository"
cp -r "$root/samples" "$work/repository/samples"
rm "$work/repository/samples/traces/heap.vgpu"  # the longest; with three traces one of four shards is empty
cd "$work/repository"
vgpu-replay suite samples/suite.toml --locked --output "$work/whole" || fail "the samples are not green"

same_as_whole() {
  python3 - "$work/whole" "$2" <<'PYTHON' || fail "$1: the merged shards differ from one run"
import json, os, sys
def load(folder):
    result = json.load(open(os.path.join(folder, "results.json")))
    return {t["name"]: (t["status"], t["digest"], [(f["frame"], f["status"]) for f in t["frames"]]) for t in result["traces"]}
whole, merged = map(load, sys.argv[1:])
if whole != merged or not whole:
    sys.exit(f"{whole}\n{merged}")
PYTHON
  [ -s "$2/junit.xml" ] && [ -s "$2/report.html" ] || fail "$1: a report is missing"
}

# from_yaml FILE EXPRESSION: a line of what it gives, with d all documents.
from_yaml() {
  python3 -c 'import sys, yaml
d = list(yaml.safe_load_all(open(sys.argv[1])))
print(eval(sys.argv[2]))' "samples/ci/$1" "$2"
}

# A name of its own for each, as a runner has a folder of its own.
begin() {
  mkdir "$work/$1"
  ln -s "$work/repository/samples" "$work/$1/samples"
  cd "$work/$1"
}

begin gitlab
parallel=$(from_yaml gitlab-ci.yml 'd[0]["replay"]["parallel"]')
[ "$(from_yaml gitlab-ci.yml 'd[0]["verdict"]["artifacts"]["reports"]["junit"]')" = verdict/junit.xml ] ||
  fail "GitLab does not get the JUnit file"
SUITE=$(from_yaml gitlab-ci.yml 'd[0]["variables"]["SUITE"]')
export SUITE
for index in $(seq "$parallel"); do
  CI_NODE_INDEX=$index CI_NODE_TOTAL=$parallel bash -euo pipefail -c "$(from_yaml gitlab-ci.yml '"\n".join(d[0]["replay"]["script"])')"
done
bash -euo pipefail -c "$(from_yaml gitlab-ci.yml '"\n".join(d[0]["verdict"]["script"])')"
same_as_whole "GitLab CI" verdict

begin github
step() { from_yaml github-actions.yml "next(s['run'] for s in d[0]['jobs']['$1']['steps'] if s.get('name') == '$1')"; }
parts=$(from_yaml github-actions.yml 'len(d[0]["jobs"]["replay"]["strategy"]["matrix"]["part"])')
[ "$(from_yaml github-actions.yml '" ".join(sorted(d[0]["jobs"]["replay"]["env"].values()))')" = \
  "\${{ strategy.job-index }} \${{ strategy.job-total }}" ] || fail "the matrix does not say which job it is"
SUITE=$(from_yaml github-actions.yml 'd[0]["env"]["SUITE"]')
for index in $(seq 0 $((parts - 1))); do  # each uploads its results, which the last job downloads to a folder of that name
  VGPU_SHARD_INDEX=$index VGPU_SHARD_TOTAL=$parts bash -e -c "$(step replay)"
  mv results "results-$index"
done
mkdir results
mv results-* results/
bash -e -c "$(step verdict)"
same_as_whole "GitHub Actions" verdict

# sbatch that runs what it is given: the array's jobs one after the other.
begin slurm
mkdir bin
cat >bin/sbatch <<'SBATCH'
#!/bin/bash
set -euo pipefail
array=
while [[ $1 == --* ]]; do
  [[ $1 != --array=* ]] || array=${1#--array=}
  shift
done
unset ${!SLURM_*}
if [ -n "$array" ]; then
  first=${array%-*} last=${array#*-}
  for id in $(seq "$first" "$last"); do
    SLURM_ARRAY_TASK_ID=$id SLURM_ARRAY_TASK_MIN=$first SLURM_ARRAY_TASK_MAX=$last SLURM_ARRAY_TASK_STEP=1 \
      SLURM_ARRAY_TASK_COUNT=$((last - first + 1)) SLURM_CPUS_PER_TASK=2 "$@" >&2
  done
else
  "$@" >&2
fi
echo 17
SBATCH
chmod +x bin/sbatch
PATH=$PWD/bin:$PATH samples/ci/slurm-submit samples/suite.toml results 3
same_as_whole Slurm results/verdict
PATH=$PWD/bin:$PATH expect_status 2 samples/ci/slurm-submit samples/suite.toml results 3  # a folder for each run

begin kubernetes
container='spec"]["template"]["spec"]["containers"][0]'
completions=$(from_yaml kubernetes-job.yaml 'd[0]["spec"]["completions"]')
[ "$(from_yaml kubernetes-job.yaml 'd[0]["spec"]["completionMode"]')" = Indexed ] || fail "the job is not indexed"
[ "$(from_yaml kubernetes-job.yaml 'next(e["value"] for e in d[0]["'"$container"'["env"] if e["name"] == "JOB_COMPLETIONS")')" = "$completions" ] ||
  fail "the pods are told another number of completions"
for index in $(seq 0 $((completions - 1))); do
  JOB_COMPLETION_INDEX=$index JOB_COMPLETIONS=$completions SUITE=samples/suite.toml RESULTS=$PWD \
    bash -c "$(from_yaml kubernetes-job.yaml 'd[0]["'"$container"'["args"][0]')"
done
RESULTS=$PWD bash -c "$(from_yaml kubernetes-job.yaml 'd[1]["'"$container"'["args"][0]')"
same_as_whole Kubernetes verdict

# A shard that cannot begin does not live on what an earlier run left.
for options in "" --resume; do
  JOB_COMPLETION_INDEX=0 JOB_COMPLETIONS=$completions expect_status 3 samples/ci/shard gone.toml shard-0 $options
  [ "$options" = --resume ] || [ ! -e shard-0/results.json ] || fail "the results of an earlier run are still there"
  cp verdict/results.json shard-0/results.json
done

# kubectl that says what it is told, and that the verdict's job has failed.
mkdir bin
cat >bin/kubectl <<'KUBECTL'
#!/bin/bash
echo "$*" >>kubectl.log
[[ "$*" != *"-f -"* ]] || cat >"given-$1.yaml"
[[ "$*" != *job/vgpu-verdict ]] || [ "$1" != wait ]
KUBECTL
chmod +x bin/kubectl
PATH=$PWD/bin:$PATH expect_status 1 samples/ci/kubernetes-run
[ "$(cut -d' ' -f1 kubectl.log | tr '\n' ' ')" = "delete apply wait apply wait logs " ] || fail "kubectl was called so: $(cat kubectl.log)"
! grep -q 'value: /results/RUN_ID' given-apply.yaml && grep -q 'value: /results/20' given-apply.yaml || fail "the run has no folder of its own"

# A glmark2 that cannot list its scenes is no suite without them.
begin applications
mkdir -p bin out/applications
for program in xvfb-run vgpu-replay glmark2-es2; do
  printf '#!/bin/bash\n%s\n' "$([ $program = glmark2-es2 ] && echo 'exit 7' || echo 'echo "{\"frames\": 10}"')" >bin/$program
done
chmod +x bin/*
touch out/applications/glxgears.vgpu out/applications/es2gears.vgpu
PATH=$PWD/bin:$PATH expect_status 1 samples/ci/record-applications out 2>applications.log
grep -q 'does not list its scenes: exit status 7' applications.log || fail "not said: $(cat applications.log)"

# A test runner that shards (Bazel, GoogleTest) has no recipe: its variables alone.
begin runner
for index in 0 1; do
  TEST_SHARD_INDEX=$index TEST_TOTAL_SHARDS=2 TEST_SHARD_STATUS_FILE=$PWD/status GTEST_SHARD_INDEX=$index GTEST_TOTAL_SHARDS=2 \
    vgpu-replay suite samples/suite.toml --shard auto --times "$work/whole" --output "$index"
done
[ -e status ] || fail "the test runner's status file is not made"
vgpu-replay suite merge 0 1 --output all
same_as_whole Bazel all
expect_status 2 vgpu-replay suite merge 0 --output none
[ ! -e none ] || fail "a merge that failed left something"

# A trace that failed fails the merge, and no verdict is left of another one before it.
sed -i '0,/"status": "passed"/s//"status": "failed"/' 0/results.json
expect_status 1 vgpu-replay suite merge 0 1 --output all
expect_status 2 vgpu-replay suite merge 0 --output all
[ -z "$(ls all)" ] || fail "the verdict of another merge is still there: $(ls all)"

# A shard ends with 0 where it has results, whatever is in them, and not where somebody ended it.
mkdir bin
printf '#!/bin/bash\necho "$PLANTED" >0/results.json\nexit "$PLANTED"\n' >bin/vgpu-replay
chmod +x bin/vgpu-replay
for status in 4:0 1:0 137:137 2:2; do
  PLANTED=${status%:*} PATH=$PWD/bin:$PATH expect_status "${status#*:}" samples/ci/shard samples/suite.toml 0
done
