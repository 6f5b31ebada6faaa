// Text of cells: shared with the packages that `mtlc emit` makes.
#pragma once
#include "runtime/text.h"

namespace mtl::data {

using runtime::lower_code_point;
using runtime::lower_text;
using runtime::next_code_point;
using runtime::parse_number;
using runtime::parse_truth;
using runtime::split_at;
using runtime::split_characters;
using runtime::split_words;
using runtime::trim;

}  // namespace mtl::data
