// Text of cells: letters in lower case, pieces of a text, numbers and truth values. Valid UTF-8 in, valid UTF-8 out.
// Shipped in packages: C++17 and the standard library alone (of which floating-point std::from_chars).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mtl::runtime {

// Code point at `i` of valid UTF-8; `i` moves behind it.
uint32_t next_code_point(std::string_view text, size_t& i);

// The simple lower-case mapping of Unicode (one code point to one) for the Latin, Greek, Cyrillic, Armenian and
// full-width letters.
uint32_t lower_code_point(uint32_t code_point);
std::string lower_text(std::string_view text);
// Replaces what `out` holds; allocates only what `out` lacks. `text` must not be in `out`.
void lower_text(std::string_view text, std::string& out);

// Pieces are appended to `out`; they point into `text`.
// A separator of spaces alone stands for any run of ASCII white space, as in a line of words; then there are no
// empty pieces. Any other separator is exact and keeps the empty pieces between two of them; an empty text has none.
void split_at(std::string_view text, std::string_view separator, std::vector<std::string_view>& out);
// Runs of letters and digits, and single other characters; white space is dropped.
void split_words(std::string_view text, std::vector<std::string_view>& out);
// Code points.
void split_characters(std::string_view text, std::vector<std::string_view>& out);

std::string_view trim(std::string_view text);  // ASCII white space at both ends
// A finite decimal number, blanks around it allowed; the whole text has to be one.
std::optional<double> parse_number(std::string_view text);
// true/false, yes/no, 1/0, in any case.
std::optional<bool> parse_truth(std::string_view text);

// Whether `text` is UTF-8, without NUL bytes: what data may consist of.
bool is_plain_utf8(std::string_view text);

}  // namespace mtl::runtime
