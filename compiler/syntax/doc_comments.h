// `///` comments: which belong to what stands directly below them, and which to nothing.
#pragma once
#include <map>
#include <string>

#include "compiler/syntax/token.h"
#include "support/diag/emitter.h"

namespace mtl::syntax {

class DocComments {
 public:
  explicit DocComments(const std::vector<Comment>& comments);
  // The text of the run of `///` lines that ends on the line above `start`.
  std::string take(const Token& start);
  // A warning for each run that nobody took.
  void report_unused(FileId file, diag::Emitter& emitter) const;

 private:
  struct Line {
    const Comment* comment;
    bool used = false;
  };
  std::map<uint32_t, Line> lines_;
};

// `width // 2` reads as a division and is a comment: a warning for trailing comments that are only a number.
void report_number_comments(const std::vector<Comment>& comments, FileId file, diag::Emitter& emitter);

}  // namespace mtl::syntax
