#!/bin/sh
# environment.sh MTLC FOLDER: MTLC_CPU, OMP_NUM_THREADS and the processors that the process may use, as mtlc sees them; caches,
# streams and files as it finds them.
mtlc="$1" work="$2"
unset MTLC_CPU OMP_NUM_THREADS
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
failed=0

# want CODE TEXT COMMAND...: it ends so and says that.
want() {
  code="$1" text="$2"
  shift 2
  "$@" > said 2>&1
  got=$?
  [ $got = "$code" ] && grep -qF -e "$text" said && return
  echo "$*: ended with $got, not with $code, or does not say \`$text\`:"
  cat said
  failed=1
}
# lacks TEXT: what was said has it nowhere.
lacks() {
  grep -qF -e "$1" said || return
  echo "should not be there: $1" && failed=1
}

cat > rows.csv <<'END'
a,b,y
1,2,3
2,3,5
END
cat > m.mtl <<'END'
data rows {
  format = csv
  train  = "rows.csv"
  x : f32[2] = columns("a", "b")
  y : f32    = column("y")
}
model m {
  task y predicts rows.y { head = rows.x |> linear(8) |> relu |> linear(1) }
  train { epochs = 1 }
}
END

want 0 "mtlc 0." "$mtlc" --version
lacks MTLC_CPU
for line in "instructions: x86-64" "compiled loops: LLVM " "products: oneDNN " "threads: "; do
  want 0 "$line" "$mtlc" --version
done
highest=$(sed -n 's/^instructions: //p' said) threads=$(sed -n 's/^threads: //p' said)

# A level as a cap, on all of the code.
want 0 "instructions: x86-64, by MTLC_CPU (this machine has up to $highest)" env MTLC_CPU=x86-64 "$mtlc" --version
want 0 "instructions: $highest, by MTLC_CPU" env "MTLC_CPU=$highest" "$mtlc" --version
want 0 '"target-cpu"="x86-64" ' env MTLC_CPU=x86-64 "$mtlc" emit llvm m.mtl --no-cache
lacks avx
want 0 "\"target-cpu\"=\"$highest\"" env "MTLC_CPU=$highest" "$mtlc" emit llvm m.mtl --no-cache
want 0 "instructions: $highest" env MTLC_CPU= "$mtlc" --version
lacks MTLC_CPU

# Objects that a run left in the cache are not taken for those of another level.
for level in "" x86-64 "$highest" ""; do
  want 0 "y" env "MTLC_CPU=$level" "$mtlc" run m.mtl --cache cache --run-dir run
done
objects=$(ls cache/objects | wc -l)
env MTLC_CPU=x86-64 "$mtlc" train m.mtl --cache other --run-dir run > said 2>&1
[ "$objects" -gt "$(ls other/objects | wc -l)" ] || { echo "levels share objects" && failed=1; }

# What is no level, or more than there is.
none="is none of x86-64, x86-64-v3 and x86-64-v4; this machine has up to $highest: write MTLC_CPU=$highest, or leave it out"
for value in x9 x86-64-v2 native "x86-64 "; do
  want 2 "MTLC_CPU=$value $none" env "MTLC_CPU=$value" "$mtlc" --version
  want 2 "mtlc check: MTLC_CPU=$value $none" env "MTLC_CPU=$value" "$mtlc" check m.mtl
done
for words in "run m.mtl" "train m.mtl" "eval none" "predict none" "emit ir m.mtl" "emit cpp none" "explain E0312"; do
  # shellcheck disable=SC2086
  want 2 "MTLC_CPU=x9 $none" env MTLC_CPU=x9 "$mtlc" $words
done
want 0 "mtlc check FILE.mtl" env MTLC_CPU=x9 "$mtlc" --help
if [ "$highest" != x86-64-v4 ]; then
  want 2 "MTLC_CPU=x86-64-v4 is a level that this processor lacks; this machine has up to $highest" \
    env MTLC_CPU=x86-64-v4 "$mtlc" check m.mtl
fi

# Threads.
want 0 "threads: 1" env OMP_NUM_THREADS=1 "$mtlc" --version
want 0 "threads: 1" env OMP_NUM_THREADS=1,4 "$mtlc" --version
for value in 0 -3 many 4096 ""; do
  want 0 "threads: $threads" env "OMP_NUM_THREADS=$value" "$mtlc" --version
done
first=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
want 0 "threads: 1" taskset -c "$first" "$mtlc" --version

# Caches are this user's alone, whatever the umask, and where others could write nothing is believed.
(umask 0 && "$mtlc" train m.mtl --cache new/caches --run-dir run > said 2>&1)
[ "$(stat -c %a new/caches/objects new/caches/data new/caches/objects/* new/caches/data/* | sort -u | tr '\n' ' ')" = "600 700 " ] ||
  { echo "caches that others can read or write:" && ls -lR new && failed=1; }
for part in objects data; do
  chmod 777 new/caches/$part
  want 0 "warning[W0719]: the cache \`new/caches/$part\` is not used: other users can write there" \
    "$mtlc" train m.mtl --cache new/caches --run-dir run
  chmod 700 new/caches/$part
done
want 0 "y" "$mtlc" train m.mtl --cache new/caches --run-dir run
lacks W0719
want 0 "y" "$mtlc" predict run/model.safetensors rows.csv --format source --cache predicted
[ -d predicted/objects ] || { echo "predict does not use --cache" && failed=1; }
want 0 "y" "$mtlc" predict run/model.safetensors rows.csv --format source --no-cache

# A file never takes the place of a closed stream.
"$mtlc" train m.mtl --no-cache --run-dir closed <&- >&- 2>&-
[ $? = 0 ] || { echo "closed streams are a failure" && failed=1; }
"$mtlc" train m.mtl --no-cache --run-dir open > said 2>&1
for file in metrics.jsonl train.log .lock; do
  [ "$(wc -l < closed/$file)" = "$(wc -l < open/$file)" ] || { echo "what is printed went into $file" && failed=1; }
done

# Only plain files are programs and models.
mkfifo pipe.mtl pipe.safetensors
for file in pipe.mtl /dev/zero; do
  want 1 "it is not a plain file, but a pipe or a device" timeout 20 "$mtlc" check "$file"
done
echo 'use "pipe.mtl"' > uses.mtl
want 1 "it is not a plain file, but a pipe or a device" timeout 20 "$mtlc" check uses.mtl
for file in pipe.safetensors /dev/zero; do
  want 1 "it is not a plain file" timeout 20 "$mtlc" predict "$file" rows.csv --format source
done
exit $failed
