// What the language has and this compiler does not have yet, beyond the rows of the other tables that say so
// themselves: the book prints these rows, and a test shows that each example is refused with its code.
#pragma once
#include <span>
#include <string_view>

namespace mtl::sema {

struct NotSupported {
  std::string_view feature;
  std::string_view code;     // of the report
  std::string_view instead;  // what does the same today; empty: nothing does
  std::string_view place, example;
};

std::span<const NotSupported> not_supported();
// Names of the library, and files of it, that are not there yet.
std::span<const std::string_view> planned_names();
std::span<const std::string_view> planned_files();

}  // namespace mtl::sema
