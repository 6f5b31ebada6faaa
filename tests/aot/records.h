// Inputs of a model as a program that calls it has them: texts by field, read here without mtlc.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace mtl::aot_test {

using Fields = std::map<std::string, std::vector<std::string>>;  // field: columns of the file (their names or numbers)

// Copies the first `limit` examples of a file (0: all). By its ending it is .conll, .tsv, .jsonl, or else lines.
void copy_input(const std::string& from, const std::string& to, size_t limit);

// The examples of a file, in the form that consumer/answers.h reads. Without fields each is a line of text.
std::string records_of(const std::string& path, const Fields& fields);

}  // namespace mtl::aot_test
