#include "compiler/syntax/phrases.h"

namespace mtl::syntax {

const std::vector<Phrase>& phrases() {
  static const std::vector<Phrase> table{
#define MTL_PHRASE(place, seen, advice, mistake, repair) {PhrasePlace::place, seen, advice, mistake, repair},
#include "compiler/syntax/phrases.def"
#undef MTL_PHRASE
  };
  return table;
}

std::string advice(PhrasePlace place, std::string_view seen) {
  const auto row_of = [&](PhrasePlace wanted) -> const Phrase* {
    for (const Phrase& phrase : phrases()) {
      if (phrase.place == wanted && phrase.seen == seen) return &phrase;
    }
    return nullptr;
  };
  const Phrase* row = row_of(place);
  if (row != nullptr) return std::string(row->advice);
  const bool outside = place == PhrasePlace::task || place == PhrasePlace::model || place == PhrasePlace::declaration;
  if (outside) row = row_of(PhrasePlace::train);
  if (row == nullptr) return {};
  const bool stays = !row->repair.empty() && row->repair.front() != '@';  // it is a setting of training here, too
  return std::string(row->advice) + (stays ? "; it belongs into the model's `train { ... }`" : "");
}

}  // namespace mtl::syntax
