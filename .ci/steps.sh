# Steps of .ci/run: each is timed, and at the end stderr says how long each took and, of one that failed, what failed.
# To be sourced by bash.

step_names=() step_seconds=() step_now='' step_began=0
step_output=$(mktemp)
trap step_summary EXIT
trap 'exit 143' TERM

# step NAME COMMAND…: runs the command. If it fails, so does the script (set -e), and what it printed is looked through.
step() {
  step_now=$1 step_began=$SECONDS
  shift
  "$@" | tee "$step_output"
  step_note
}

step_note() {
  step_names+=("$step_now") step_seconds+=($((SECONDS - step_began)))
  step_now=''
}

step_summary() {
  local code=$? failed=$step_now i
  [[ -z $failed ]] || step_note
  {
    echo "Seconds of each step:"
    for i in "${!step_names[@]}"; do
      printf '%7d  %s\n' "${step_seconds[i]}" "${step_names[i]}"
    done
    if ((code)); then
      echo "FAILED with exit code $code: ${failed:-between two steps}"
      # pytest's short summary names each test that failed, and pytest-cov a threshold; another program's last lines say it.
      [[ -z $failed ]] || grep -aE '^(FAILED|ERROR|FAIL) ' "$step_output" || tail -n 20 "$step_output"
    fi
  } >&2
  rm -f "$step_output"
}
