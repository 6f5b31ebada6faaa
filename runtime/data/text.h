// Text of cells: shared with the packages that `mtlc emit` makes.
#pragma once
#include "runtime/core/text.h"

namespace mtl::data {

using runtime::bucket_of;
using runtime::find_pieces;
using runtime::kCrossed;
using runtime::lower_code_point;
using runtime::lower_text;
using runtime::next_code_point;
using runtime::NumberFormat;
using runtime::parse_number;
using runtime::parse_truth;
using runtime::piece_at;
using runtime::plain_number;
using runtime::split_at;
using runtime::split_characters;
using runtime::split_line_characters;
using runtime::split_values;
using runtime::split_words;
using runtime::trim;
using runtime::trim_blanks;

}  // namespace mtl::data
