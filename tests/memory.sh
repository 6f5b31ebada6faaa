#!/bin/sh
# memory.sh MTLC PEAK FOLDER: input takes at most 20 bytes of memory for each byte of its own (PEAK runs a command and says how much it took).
# 4 MiB, as large as a source may be, stand for all that are smaller: up to 84 MB are taken whatever the size.
mtlc="$1" peak="$2" work="$3"
rm -rf "$work" && mkdir -p "$work" && cd "$work" || exit 1
fail() { echo "$1"; head -5 said; exit 1; }

cat > head.mtl <<'END'
data rows {
  format = jsonl
  train  = "rows.jsonl"
  x : f32[1] = field("x")
  y : bool   = field("y")
}
END
cat > tail.mtl <<'END'
model m {
  task y predicts rows.y { head = rows.x |> linear(1) }
  train { epochs = 1 }
}
END
echo '{"x": [1], "y": true}' > rows.jsonl
cat head.mtl tail.mtl > small.mtl
# What the command takes whatever it reads.
measure_base() {
  base=$("$peak" "$mtlc" "$@") || fail "cannot measure"
  [ "${base#* }" = 0 ] || fail "$*: ends with ${base#* }"
  base=${base% *}
}
measure_base check small.mtl --threads 1

# what, bytes of input, exit code, what is said, command
takes_little() {
  what="$1" bytes="$2" code="$3" says="$4"
  shift 4
  result=$("$peak" "$@")
  [ "${result#* }" = "$code" ] || fail "$what: ends with ${result#* }"
  [ -z "$says" ] || grep -q "$says" said || fail "$what: does not say $says"
  [ "$bytes" -ge 4194304 ] || bytes=4194304
  taken=$((${result% *} - base)) allowed=$((bytes / 1024 * 20))
  echo "$what: $taken kB of $allowed kB"
  [ "$taken" -le "$allowed" ] || fail "$what: takes too much"
}
check() { # what, file, exit code, what is said
  takes_little "$1" "$(cat $2 | wc -c)" "$3" "$4" "$mtlc" check "$2" --threads 1
}
repeat() { # text, times
  yes "$1" | head -n "$2"
}
flat() { repeat "$@" | tr -d '\n'; }

too_long='E0055.*more than 100000'
{ echo "const a = ["; flat "1," 2000000; echo "1]"; cat small.mtl; } > list.mtl
check "a list of 2,000,000" list.mtl 1 "$too_long"
{ echo "function f(x: f32[A]) -> f32[A] {"; repeat "let a = x" 390000; echo "return x }"; cat small.mtl; } > lets.mtl
check "390,000 lines of let" lets.mtl 1 "$too_long"
flat "}" 4000000 > braces.mtl
check "4,000,000 closing braces" braces.mtl 1 "$too_long"
repeat "//" 1390000 > comments.mtl
check "1,390,000 comments" comments.mtl 1 "$too_long"
repeat "/// a" 690000 > docs.mtl
check "690,000 comments of nothing" docs.mtl 1 "$too_long"
{ flat "# " 2000000; echo; cat small.mtl; } > signs.mtl
check "characters that the language does not have" signs.mtl 1 ""
{ printf 'const a = "'; flat x 4000000; echo '"'; cat small.mtl; } > text.mtl
check "a text of 4,000,000 letters" text.mtl 0 ""
i=0
while [ $i -lt 50 ]; do
  { printf 'const a%s = [' $i; flat "1," 3000; echo "1]"; [ $i = 0 ] || echo "use \"part$((i - 1)).mtl\""; } > part$i.mtl
  i=$((i + 1))
done
{ cat small.mtl; echo 'use "part49.mtl"'; } > uses.mtl
check "50 files of 6,000 words" uses.mtl 1 "$too_long"
# As much as there may be.
{ printf 'const a = ['; flat "1," 43000; echo "1]"; cat small.mtl; } > long.mtl
check "a list of 43,000" long.mtl 0 ""
{ echo "function f(x: f32[A]) -> f32[A] {"; repeat "let a = x" 18000; echo "return x }"; cat small.mtl; } > lines.mtl
check "18,000 lines of let" lines.mtl 1 ""
{ cat small.mtl; repeat "criterion c(p: f32, t: f32) { loss = p - t }" 4000; } > blocks.mtl
check "4,000 criteria of one name" blocks.mtl 1 ""

# Data, and the header of a model.
sed 's/rows.jsonl/deep.jsonl/' small.mtl > deep.mtl
{ printf '{"x": [1], "y": true, "z": ['; flat "[]," 2000000; echo "0]}"; } > deep.jsonl
measure_base train small.mtl --run-dir run --threads 1 --no-cache
takes_little "a line of 2,000,000 lists" "$(cat deep.jsonl | wc -c)" 1 "more than 20 times" "$mtlc" train deep.mtl --run-dir run --threads 1 --no-cache
{ printf '{"x": [1], "y": true, "z": ['; flat "1," 3000000; echo "0]}"; } > deep.jsonl
takes_little "a line of 3,000,000 numbers" "$(cat deep.jsonl | wc -c)" 0 "" "$mtlc" train deep.mtl --run-dir run --threads 1 --no-cache
{ printf '{"__metadata__":{'; seq -f '"k%.0f":[],' 1 500000 | tr -d '\n'; printf '"z":0}}'; } > header
size=$(cat header | wc -c)
{ printf "$(printf '\\%o\\%o\\%o\\%o\\0\\0\\0\\0' $((size & 255)) $((size >> 8 & 255)) $((size >> 16 & 255)) $((size >> 24)))"; cat header; } > header.safetensors
takes_little "a header of 500,000 lists" "$size" 1 "" "$mtlc" predict header.safetensors --no-cache
exit 0
