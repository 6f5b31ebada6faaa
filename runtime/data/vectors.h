// Pretrained word vectors in the text form of GloVe and word2vec: a word and its numbers on each line, parted by
// spaces; the first line may say how many lines and numbers there are.
#pragma once
#include <string>
#include <string_view>

#include "runtime/data/dataset.h"
#include "runtime/data/file.h"
#include "support/diag/emitter.h"

namespace mtl::data {

// How many numbers the first word of the file has; nullopt: it has none, or cannot be read.
std::optional<int64_t> width_of_vectors(const std::string& path);

// Keeps the rows of words that are in `words`, and adds words of the file, from its beginning, until there are `most`:
// train does not have them, what is read later may. A vocabulary in lower case takes the row of the word itself if
// there is one, else that of the first word that becomes it. nullopt after reporting.
std::optional<Fitted::Vectors> read_vectors(const std::string& path, const VocabSpec& vocab, IdSet& words,
                                            diag::Emitter& emitter);
std::optional<Fitted::Vectors> parse_vectors(std::string_view text, const std::string& path, const std::string& vocab,
                                             size_t most, IdSet& words, diag::Emitter& emitter);

}  // namespace mtl::data
