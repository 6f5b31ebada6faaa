// Reads regular files, finds their lines, checks UTF-8, and counts bad rows.
#include "runtime/data/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <utility>

#include "support/base/out_of_memory.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_ascii(std::string_view text) {
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) {
    uint64_t eight;
    std::memcpy(&eight, text.data() + i, 8);
    if (eight & 0x8080808080808080ull) return false;
  }
  for (; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return false;
  }
  return true;
}

void report_file(const diag::Kind& kind, const std::string& path, SourceRange range, diag::Emitter& emitter,
                 const std::string& why = {}) {
  diag::Report report = why.empty() ? emitter.report(kind, path) : emitter.report(kind, path, why);
  std::move(report).in_file(path);
  if (range.valid()) std::move(report).at(range);
  if (why == std::strerror(ENOTDIR))
    std::move(report).help("with `format = lines` a split is a folder, and each column names a file in it");
  if (why == std::strerror(ENOENT)) std::move(report).help("`--data DIR` says in which folder the files are");
}

bool is_below(const std::string& path, const std::string& root) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::weakly_canonical(root, error);
  if (error) return false;
  const std::filesystem::path file = std::filesystem::weakly_canonical(path, error);
  const std::filesystem::path inside = file.lexically_relative(folder);
  return !error && !inside.empty() && *inside.begin() != "..";
}

// 0, or errno. `expected`: bytes, if the file does not change.
int read_all(int file, size_t expected, std::string& out) {
  constexpr size_t kChunk = size_t{1} << 20;
  const MayRunOut large;
  try {
    out.reserve(expected + kChunk);
    for (;;) {
      const size_t size = out.size();
      out.resize(size + kChunk);
      const ssize_t got = ::read(file, out.data() + size, kChunk);
      const int error = errno;
      out.resize(size + (got > 0 ? static_cast<size_t>(got) : 0));
      if (got == 0) return 0;
      if (got < 0 && error != EINTR) return error;
    }
  } catch (const std::bad_alloc&) {
    return ENOMEM;
  }
}

// Of a plain file, which is not read yet; -1 after a report.
int open_plain(const std::string& path, SourceRange range, diag::Emitter& emitter, size_t& size) {
  // A pipe that nobody writes to would keep a blocking open waiting.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status {};
  const int error = file < 0 || ::fstat(file, &status) != 0 ? errno : 0;
  if (error != 0) {
    report_file(diag::DataFileUnreadable, path, range, emitter, std::strerror(error));
  } else if (S_ISDIR(status.st_mode)) {
    report_file(diag::DataFileIsFolder, path, range, emitter);
  } else if (!S_ISREG(status.st_mode)) {
    report_file(diag::DataFileNotRegular, path, range, emitter);
  } else {
    size = static_cast<size_t>(status.st_size);
    return file;
  }
  if (file >= 0) ::close(file);
  return -1;
}

}  // namespace

std::optional<FileText> FileText::open(const std::string& path, SourceRange range, diag::Emitter& emitter,
                                       const std::string& root) {
  if (!root.empty() && !is_below(path, root)) {
    diag::Report report = emitter.report(diag::DataFileOutside, path, root);
    if (range.valid()) std::move(report).at(range);
    std::move(report)
        .note("a model file from elsewhere could name any file of yours")
        .help(
            "`--data` takes a folder that holds the file; or `--source FILE.mtl` evaluates a program of your own in "
            "place of the one that the model carries, which may name any file");
    return std::nullopt;
  }
  size_t size = 0;
  const int file = open_plain(path, range, emitter, size);
  if (file < 0) return std::nullopt;
  FileText out;
  const int error = read_all(file, size, out.read_);
  ::close(file);
  if (error != 0) {
    report_file(diag::DataFileUnreadable, path, range, emitter, std::strerror(error));
  } else if (out.text().empty()) {
    report_file(diag::DataFileEmpty, path, range, emitter);
  } else {
    use_line_feeds(out.read_);
    return out;
  }
  return std::nullopt;
}

std::string_view FileText::text() const {
  std::string_view text = read_;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

std::optional<LineStream> LineStream::open(const std::string& path, SourceRange range, diag::Emitter& emitter) {
  size_t size = 0;
  const int file = open_plain(path, range, emitter, size);
  if (file < 0) return std::nullopt;
  LineStream out(file, path);
  if (!out.fill()) {
    if (!out.failed(emitter)) report_file(diag::DataFileEmpty, path, range, emitter);
    return std::nullopt;
  }
  if (out.buffer_.starts_with(kByteOrderMark)) out.at_ = kByteOrderMark.size();
  const bool feeds = out.buffer_.find('\n') != std::string::npos;
  if (!feeds && out.buffer_.find('\r') != std::string::npos) out.ending_ = '\r';
  return out;
}

LineStream::LineStream(LineStream&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      path_(std::move(other.path_)),
      buffer_(std::move(other.buffer_)),
      at_(other.at_),
      at_end_(other.at_end_),
      ending_(other.ending_),
      number_(other.number_),
      error_(other.error_) {}

LineStream::~LineStream() {
  if (file_ >= 0) ::close(file_);
}

// More of the file behind what is left of the buffer. False if there is no more.
bool LineStream::fill() {
  constexpr size_t kChunk = size_t{1} << 20;
  if (at_end_ || error_ != 0) return false;
  buffer_.erase(0, at_);
  at_ = 0;
  const size_t size = buffer_.size();
  if (size > kLongestLine) error_ = EFBIG;
  if (error_ != 0) return false;
  buffer_.resize(size + kChunk);
  ssize_t got;
  do {
    got = ::read(file_, buffer_.data() + size, kChunk);
  } while (got < 0 && errno == EINTR);
  if (got < 0) error_ = errno;
  buffer_.resize(size + (got > 0 ? static_cast<size_t>(got) : 0));
  at_end_ = got == 0;
  return got > 0;
}

bool LineStream::next(std::string_view& line) {
  size_t end = buffer_.find(ending_, at_);
  while (end == std::string::npos) {
    const size_t seen = buffer_.size() - at_;
    if (!fill()) break;
    end = buffer_.find(ending_, seen);
  }
  if (error_ != 0 || (end == std::string::npos && at_ == buffer_.size())) return false;
  line = std::string_view(buffer_).substr(at_, end == std::string::npos ? end : end - at_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  at_ = end == std::string::npos ? buffer_.size() : end + 1;
  ++number_;
  return true;
}

bool LineStream::failed(diag::Emitter& emitter) const {
  if (error_ == EFBIG) {
    emitter.report(diag::DataLineTooLong, kLongestLine >> 20).in_file(path_, number_ + 1);
  } else if (error_ != 0) {
    report_file(diag::DataFileUnreadable, path_, {}, emitter, std::strerror(error_));
  }
  return error_ != 0;
}

void Rows::skip(uint64_t line, const diag::Emitter& said) {
  --budget_.left;
  for (const diag::Diagnostic& one : said.sorted())
    budget_.faults.push_back("line " + std::to_string(line) + ": " + one.message);
  if (budget_.skipped++ == 0) {
    budget_.first_path = path_;
    budget_.first_line = line;
  }
}

std::string Rows::skipped_before() const {
  return "as many bad rows as `--skip-bad-rows` allows, " + std::to_string(budget_.skipped) +
         ", were skipped before this one; the first is " + budget_.first_path + ":" +
         std::to_string(budget_.first_line);
}

void Rows::report_blank() {
  if (blank_rows_ == 0) return;
  emitter_.report(diag::BlankRowsSkipped, count_of(blank_rows_, "row"))
      .in_file(path_, first_blank_)
      .note(blank_rows_ == 1 ? "" : "this is the first of them");
}

bool check_compression(std::string_view text, Rows& rows) {
  static constexpr std::pair<std::string_view, std::string_view> kKinds[] = {{"\x1F\x8B", "gzip"},
                                                                             {"BZh", "bzip2"},
                                                                             {"\xFD"
                                                                              "7zXZ",
                                                                              "xz"},
                                                                             {"\x28\xB5\x2F\xFD", "zstd"},
                                                                             {"PK\x03\x04", "zip"}};
  for (const auto& [start, name] : kKinds) {
    if (!text.starts_with(start)) continue;
    const std::string help = name == "gzip"  ? "`gunzip` unpacks it"
                             : name == "zip" ? "unpack it; of a spreadsheet, export its table as CSV"
                                             : "unpack it";
    rows.bad_file(diag::CompressedDataFile, 0, "", help, rows.path(), name);
    return false;
  }
  return true;
}

void use_line_feeds(std::string& text) {
  std::string_view lines = text;
  while (lines.ends_with('\n') || lines.ends_with('\r')) lines.remove_suffix(1);
  const bool by_return = lines.find('\n') == std::string_view::npos && lines.find('\r') != std::string_view::npos;
  for (size_t i = 0; by_return && i < text.size(); ++i) {
    if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) text[i] = '\n';
  }
}

bool check_text(std::string_view text, uint64_t line, Rows& rows) {
  const bool marked = line == 1 && (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"));
  const bool utf16 = marked || (text.size() > 1 && (text[0] == '\0') != (text[1] == '\0'));
  if (text.size() > kLongestLine) {
    rows.bad(diag::DataLineTooLong, line, text.substr(0, 200),
             "is this a text file of the format that the source names?", kLongestLine >> 20);
    return false;
  }
  if (const size_t at = text.find('\0'); at != std::string_view::npos) {
    rows.bad(diag::NulByteInData, line, text, utf16 ? "it looks like UTF-16; save it as UTF-8" : "", at + 1);
    return false;
  }
  if (is_ascii(text)) return true;
  const size_t at = find_invalid_utf8(text);
  if (at == std::string_view::npos) return true;
  rows.bad(diag::InvalidUtf8InData, line, text,
           utf16 ? "it looks like UTF-16; save it as UTF-8"
                 : "data files are UTF-8; convert this one, with iconv for instance",
           at + 1);
  return false;
}

bool Lines::next(std::string_view& line) {
  if (at_ >= text_.size()) return false;
  const void* found = std::memchr(text_.data() + at_, '\n', text_.size() - at_);
  const size_t end = found ? static_cast<size_t>(static_cast<const char*>(found) - text_.data()) : text_.size();
  line = text_.substr(at_, end - at_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  at_ = end + 1;
  ++number_;
  return true;
}

}  // namespace mtl::data
