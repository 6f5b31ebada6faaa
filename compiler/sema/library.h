// The library that is part of the compiler: the files of stdlib/, embedded by stdlib/embed.cmake.
#pragma once
#include <span>
#include <string_view>

namespace mtl::sema {

struct LibraryFile {
  std::string_view name;  // "std.sequence"; "std.prelude" is open without `use`
  std::string_view text;
};

std::span<const LibraryFile> library_files();

}  // namespace mtl::sema
