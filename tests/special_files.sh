#!/bin/bash
# special_files.sh MTLC FOLDER: pipes, devices, folders, sockets and loops in the place of each file that a command opens: an error at once.
# Pipes are for standard input, `<(command)` and `--out`.
mtlc="$1" work="$2"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
failed=0
bad() { echo "$1"; head -5 said; failed=1; }
{ echo "a,b,y"; for i in 1 2 3 4 5 6 7 8; do echo "$i,$((9 - i)),$((i % 2))"; done; } > rows.csv
program() { # data file, vectors, what stands above
  cat <<END
$3
vocab en { embeddings = "$2", keep = 0 }
data rows {
  format = csv
  train  = "$1"
  dev    = "$1"
  test   = "$1"
  x : f32[2]    = columns("a", "b")
  w : token(en) = column("a")
  y : bool      = column("y") |> is("1")
}
model m {
  task y predicts rows.y { head = concat(rows.x, embed(2)(rows.w)) |> linear(1) }
  train { epochs = 1 }
}
END
}
printf '1 0.1 0.2\n2 0.3 0.4\n' > vectors.txt
program rows.csv vectors.txt > m.mtl
common="--threads 1 --no-cache"
"$mtlc" train m.mtl --run-dir run $common > said 2>&1 || { cat said; exit 1; }
model=run/model.safetensors

mkfifo pipe
mkdir folder
ln -s loop loop
kinds="pipe folder loop /dev/zero"
# what the file is, command...: it ends by itself, with 1 and an error
refused() {
  local what="$1"
  shift
  timeout 20 "$mtlc" "$@" > said 2>&1 < /dev/null
  local code=$?
  [ $code = 1 ] && grep -q '^error' said || bad "$what: ends with $code: mtlc $*"
  ! grep -q 'internal error' said || bad "$what: mtlc $*"
}
for kind in $kinds; do
  program rows.csv vectors.txt "use \"$kind\"" > uses.mtl
  program $kind vectors.txt > data.mtl
  { program rows.csv vectors.txt | sed '$d'; echo "load y from \"$kind\""; echo "}"; } > load.mtl
  program rows.csv $kind > vectors.mtl
  refused "a program" check $kind
  refused "a program" train $kind --run-dir other $common
  refused "a program" run $kind --run-dir other $common
  refused "a program" emit graph $kind
  refused "a program" eval $model --source $kind --data . $common
  refused "a program" emit cpp $model --source $kind --out package
  refused "a file of use" check uses.mtl
  refused "a data file" train data.mtl --run-dir other $common
  refused "a data file" run data.mtl --run-dir other $common
  refused "a data file" eval $model --source data.mtl --data . $common
  refused "a data file" emit graph data.mtl --data . --no-cache
  refused "vectors" train vectors.mtl --run-dir other $common
  refused "tensors" train load.mtl --run-dir other $common
  refused "a model to start from" train m.mtl --from $kind --run-dir other $common
  refused "a model" predict $kind $common
  refused "a model" eval $kind --data . $common
  refused "a model" emit cpp $kind --out package
  refused "a model" emit object $kind --out package
  [ $kind = folder ] || refused "lines to predict" predict $model $kind --format lines $common
  refused "rows to predict" predict $model $kind --format source $common
  rm -rf other package
done

# Files that a command finds in its folders.
for name in metrics.jsonl train.log model.safetensors checkpoint.safetensors .lock; do
  rm -rf other && mkdir other && mkfifo other/$name
  timeout 20 "$mtlc" train m.mtl --run-dir other $common > said 2>&1 < /dev/null
  code=$?
  [ $code = 0 ] || { [ $code = 1 ] && grep -q '^error' said; } || bad "a pipe as $name: ends with $code"
done
rm -rf other && mkdir other && mkfifo other/checkpoint.safetensors
refused "a checkpoint" train m.mtl --run-dir other --resume $common
rm -rf package && mkdir package && mkfifo package/.mtlc-package
refused "a list of a package" emit cpp $model --out package
rm -rf package
"$mtlc" emit cpp $model --out package > said 2>&1 || bad "no package"
rm package/README.md && mkfifo package/README.md
timeout 20 "$mtlc" emit cpp $model --out package > said 2>&1 < /dev/null
[ $? = 1 ] && grep -q '^error' said || bad "a pipe in a package"

# Where answers go.
refused "answers" predict $model rows.csv --format source --out pipe $common
grep -q 'nobody reads from the pipe' said || bad "does not say that nobody reads"
refused "answers" predict $model rows.csv --format source --out folder $common
"$mtlc" predict $model rows.csv --format source $common > answers 2> said || bad "no answers"
cat pipe > through &
sleep 0.2
timeout 20 "$mtlc" predict $model rows.csv --format source --out pipe $common > said 2>&1 || bad "a pipe that is read"
wait
cmp answers through || bad "other answers through a pipe"

# Pipes that are meant.
cat rows.csv | timeout 20 "$mtlc" predict $model --format source $common > through 2> said || bad "standard input"
cmp answers through || bad "other answers from standard input"
cat rows.csv | timeout 20 "$mtlc" predict $model /dev/stdin --format source $common > through 2> said || bad "/dev/stdin"
cmp answers through || bad "other answers from /dev/stdin"
timeout 20 "$mtlc" predict $model <(cat rows.csv) --format source $common > through 2> said || bad "<(command)"
cmp answers through || bad "other answers from <(command)"
exit $failed
