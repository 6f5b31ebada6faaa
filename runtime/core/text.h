// Text of cells: letters in lower case, pieces of a text, numbers and truth values. Valid UTF-8 in, valid UTF-8 out.
// Shipped in packages: C++17 and the standard library alone (of which floating-point std::from_chars).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/text_range.h"

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
// Code points; of a line, those that are no white space.
void split_line_characters(std::string_view line, std::vector<std::string_view>& out);
void split_characters(std::string_view text, std::vector<std::string_view>& out);

// Appends where the pieces stand in `text`. False, and nothing is appended, if they are not parts of it, one behind the
// other.
bool find_pieces(std::string_view text, const std::vector<std::string_view>& pieces, std::vector<TextRange>& out);

// Number `index` of pieces, from 0; below 0 from the end, -1 being the last one.
std::optional<std::string_view> piece_at(const std::vector<std::string_view>& pieces, int64_t index);

// One of the ids 0 to count - 1 for any text, the same on every machine and in every version: the 64-bit FNV-1a hash of
// its bytes, through the finaliser of splitmix64 (runtime/core/random.h), modulo `count`.
int32_t bucket_of(std::string_view text, int64_t count);

// Between cells that `cross` joins to one text: U+001F, the separator of units, which no text of data holds.
inline constexpr char kCrossed = '\x1F';

std::string_view trim(std::string_view text);  // ASCII white space at both ends
// The same of all white space of Unicode: U+00A0, U+3000, U+2009 and so on. U+200B and U+FEFF are none.
std::string_view trim_blanks(std::string_view text);
// What `split` makes of a text: the pieces of split_at without the blanks around them, if `trims`, and without empty
// ones but if `keep_empty`. Between runs of white space (a separator of spaces) a piece of other blanks, U+00A0, stays.
// True if pieces were left out.
bool split_values(std::string_view text, std::string_view separator, bool trims, bool keep_empty,
                  std::vector<std::string_view>& out);

// How numbers are written: "1.234,5" with the decimal "," and the thousands ".".
struct NumberFormat {
  std::string_view decimal = ".", thousands;
};
// A finite decimal number, blanks around it allowed; the whole text has to be one. Where thousands are parted, each
// group but the first has three digits, and a number without separators is one as well.
std::optional<double> parse_number(std::string_view text, const NumberFormat& format = {});
// The number as "-1234.5", whether it is finite or not; false if it does not look like one.
bool plain_number(std::string_view text, const NumberFormat& format, std::string& out);
// true/false, yes/no, 1/0, in any case.
std::optional<bool> parse_truth(std::string_view text);

// Whether `text` is UTF-8, without NUL bytes: what data may consist of.
bool is_plain_utf8(std::string_view text);

}  // namespace mtl::runtime
