// The reference of the language, collected from the tables of the compiler and from the `///` comments of the library:
// what `mtlc doc` prints and `mtlc explain` looks up.
#pragma once
#include <string>
#include <vector>

namespace mtl::driver {

// One name. Empty fields do not apply.
struct Topic {
  std::string kind;  // "transform", "optimizer", ...
  std::string name;
  std::string form;            // how it is written with its arguments
  std::string about;           // what it does
  std::string initial;         // its default
  std::string unit;            // of its number
  std::string shape;           // of its result
  std::string place, example;  // see tests/book/frame.txt
  bool supported = true;
};

struct Part {
  std::string name;   // what follows `mtlc doc`
  std::string about;  // one line
  std::vector<Topic> topics;
  bool repeats = false;  // its topics are those of other parts
};

std::vector<Part> reference();
// The part as Markdown.
std::string markdown(const Part& part);

// An example as it is read: `@@model ` begins what stands in another place.
struct Piece {
  std::string place, code;
};
std::vector<Piece> pieces_of(const std::string& place, const std::string& example);
// "in a model", "at the top of a file"
std::string place_text(const std::string& place);

}  // namespace mtl::driver
