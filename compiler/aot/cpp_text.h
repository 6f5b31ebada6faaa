// Forms of generated files: text with marks such as @name@ that are filled in.
#pragma once
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace mtl::aot {

// Puts values in the place of their marks; what is put in is not looked at again. A mark without a value stays, and so
// does any other `@`. A line break at the beginning of the form is dropped.
std::string fill(std::string_view form, std::initializer_list<std::pair<std::string_view, std::string>> values);
// Whether C++ text uses a variable of this name; a member of something else is another one.
bool mentions(std::string_view text, std::string_view variable);
std::string replaced(std::string text, std::string_view from, std::string_view to);

}  // namespace mtl::aot
