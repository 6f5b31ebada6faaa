// What can be read and trained on, and is hardly meant. Each is a warning.
#pragma once
#include "runtime/data/load.h"
#include "runtime/data/stage.h"

namespace mtl::data {

// A file of dev or test that is one of another split: the same file, or the same bytes under another name.
void warn_of_same_files(const SourceSpec& source, const LoadOptions& options, diag::Emitter& emitter);

// Whole numbers of train with more digits than a 32-bit number has, such as ids of 18 digits.
void warn_of_lost_digits(const SourcePlan& plan, const Staged& train, diag::Emitter& emitter);

// Label sets of train that a slip has made: labels in quotation marks, those that differ in case alone or are one
// number, nearly a class for each example.
void warn_of_labels(const SourcePlan& plan, const Staged& train, const Fitted& fitted, diag::Emitter& emitter);

// A CoNLL file without blank lines.
void warn_of_one_sentence(const SourcePlan& plan, const Staged& train, diag::Emitter& emitter);

}  // namespace mtl::data
