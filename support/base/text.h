// Small text helpers: edit distance and "did you mean", joining, plurals.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mtl {

// Optimal string alignment (insertions, deletions, substitutions, transpositions); words over 32 bytes answer 99.
size_t edit_distance(std::string_view a, std::string_view b);
// The candidate nearest to `word`: one that differs in case alone, else within max(1, size / 3) edits; ties go to the
// one of equal length.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);
// "a, b and c"
std::string join(std::span<const std::string> words, std::string_view separator = ", ",
                 std::string_view last_separator = ", ");
// "1 row", "2 rows"
std::string count_of(size_t n, std::string_view singular);
std::vector<std::string> split(std::string_view text, std::string_view separator);
// Byte offset of the first byte that is not UTF-8, or npos.
size_t find_invalid_utf8(std::string_view text);
// Whether a terminal would obey a code point in place of showing it: control characters, line separators, marks that
// change the direction of text, with which a line can lie about what it says.
bool is_command(uint32_t code_point);
// Offset of the first such character, or of the first byte that is not UTF-8; npos: there is none.
size_t find_command(std::string_view text);
// `text` as a terminal may be given it: what is_command and bytes that are not UTF-8 become \n, \x1b, \u202e. Those in
// `kept` stay as they are.
std::string printable(std::string_view text, std::string_view kept = {});
// `text` cut to about `limit` characters for a message, as printable() has it.
std::string excerpt(std::string_view text, size_t limit = 60);

}  // namespace mtl
