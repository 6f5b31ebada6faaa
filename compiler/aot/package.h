// A trained model as a folder that a C++ project builds: readable sources, a CMake package, weights, a manifest.
//
//   DIR/CMakeLists.txt, DIR/cmake/NAMEConfig.cmake.in   add_subdirectory() and find_package() both work
//   DIR/NAME/NAME.h, NAME.cpp                           the class
//   DIR/NAME/NAME_steps.h, NAME_steps.cpp               what it computes
//   DIR/NAME/NAME_c.h, NAME_c.cpp                       the same for C and whatever can call it
//   DIR/NAME/runtime/                                   kernels and encoding, copied from runtime/
//   DIR/NAME.weights, NAME.json, main.cpp, README.md
//
// All of it is inside the namespace NAME, the copy of the runtime too, so any number of packages, also of two versions
// of one model, link into one program.
#pragma once
#include <string>
#include <vector>

#include "compiler/aot/cpp_model.h"

namespace mtl::aot {

struct PackageFile {
  PackageFile(const CppText& at, const CppText& text) : path(at.str()), bytes(text.str()) {}
  PackageFile(const CppText& at, std::string what)
      : path(at.str()), bytes(std::move(what)) {}  // weights, JSON, objects

  std::string path;  // below DIR
  std::string bytes;
};

// Fills in the fingerprint.
std::vector<PackageFile> make_package(CppModel& model);

// package_files.cpp
CppText cmake_text(const CppModel& model, const std::vector<CppText>& sources);
CppText cmake_config_text(const CppModel& model);
CppText main_text(const CppModel& model);
CppText readme_text(const CppModel& model);
std::string manifest_text(const CppModel& model, const std::string& weights);
CppText embedded_text(const CppModel& model);

}  // namespace mtl::aot
