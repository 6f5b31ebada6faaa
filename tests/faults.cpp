// A library for LD_PRELOAD (faults.sh) in which one call fails: MTL_FAULT=write:7 is the seventh write. Kinds are
// malloc, open, read, write, fsync and rename. Without a number none fails, and how many there were is written to
// MTL_FAULT_COUNT. Calls count from the first thing that mtlc does in main(), which is to open /dev/null: before that,
// static objects of libraries are made, which nobody can catch.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

std::atomic<bool> armed{false};
std::atomic<long> calls{0};
long failing = 0;
char kind[16];

template <class Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

void arm() {
  const char* text = std::getenv("MTL_FAULT");
  if (armed || text == nullptr) return;
  const char* colon = std::strchr(text, ':');
  const size_t size = colon != nullptr ? static_cast<size_t>(colon - text) : std::strlen(text);
  if (size >= sizeof(kind)) return;
  std::memcpy(kind, text, size);
  failing = colon != nullptr ? std::atol(colon + 1) : 0;
  armed = true;
}

bool fails(const char* what, int error) {
  if (!armed || std::strcmp(kind, what) != 0 || ++calls != failing) return false;
  errno = error;
  return true;
}

struct AtEnd {
  ~AtEnd() {
    const char* path = std::getenv("MTL_FAULT_COUNT");
    if (path == nullptr || !armed) return;
    armed = false;
    char text[32];
    const int size = std::snprintf(text, sizeof(text), "%ld\n", calls.load());
    const int file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0) return;
    if (::write(file, text, static_cast<size_t>(size)) != size) std::abort();
    ::close(file);
  }
} at_end;

bool opens_fail(const char* path, int flags) {
  if (!armed && std::strcmp(path, "/dev/null") == 0 && flags == O_RDWR) {
    arm();
    return false;
  }
  return fails("open", EMFILE);
}

mode_t mode_in(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(list, int)) : 0;
}

}  // namespace

extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

void* malloc(size_t size) {
  return fails("malloc", ENOMEM) ? nullptr : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  return fails("malloc", ENOMEM) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  return fails("malloc", ENOMEM) ? nullptr : __libc_realloc(memory, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  return fails("malloc", ENOMEM) ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** out, size_t alignment, size_t size) {
  if (fails("malloc", ENOMEM)) return ENOMEM;
  *out = __libc_memalign(alignment, size);
  return *out == nullptr ? ENOMEM : 0;
}

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_in(flags, list);
  va_end(list);
  if (opens_fail(path, flags)) return -1;
  static const auto next = real<int (*)(const char*, int, ...)>("open");
  return next(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = mode_in(flags, list);
  va_end(list);
  return open(path, flags, mode);
}
int mkstemp(char* path) {
  static const auto next = real<int (*)(char*)>("mkstemp");
  return fails("open", EMFILE) ? -1 : next(path);
}
int mkstemp64(char* path) {
  return mkstemp(path);
}
FILE* fopen(const char* path, const char* mode) {
  static const auto next = real<FILE* (*)(const char*, const char*)>("fopen");
  return fails("open", EMFILE) ? nullptr : next(path, mode);
}
FILE* fopen64(const char* path, const char* mode) {
  return fopen(path, mode);
}

ssize_t read(int file, void* bytes, size_t size) {
  static const auto next = real<ssize_t (*)(int, void*, size_t)>("read");
  return fails("read", EIO) ? -1 : next(file, bytes, size);
}
ssize_t pread(int file, void* bytes, size_t size, off_t at) {
  static const auto next = real<ssize_t (*)(int, void*, size_t, off_t)>("pread");
  return fails("read", EIO) ? -1 : next(file, bytes, size, at);
}

ssize_t write(int file, const void* bytes, size_t size) {
  static const auto next = real<ssize_t (*)(int, const void*, size_t)>("write");
  return fails("write", ENOSPC) ? -1 : next(file, bytes, size);
}
ssize_t writev(int file, const iovec* parts, int count) {
  static const auto next = real<ssize_t (*)(int, const iovec*, int)>("writev");
  return fails("write", ENOSPC) ? -1 : next(file, parts, count);
}
int fflush(FILE* file) {
  static const auto next = real<int (*)(FILE*)>("fflush");
  return fails("write", ENOSPC) ? EOF : next(file);
}

int fsync(int file) {
  static const auto next = real<int (*)(int)>("fsync");
  return fails("fsync", EIO) ? -1 : next(file);
}
int rename(const char* from, const char* to) {
  static const auto next = real<int (*)(const char*, const char*)>("rename");
  return fails("rename", EIO) ? -1 : next(from, to);
}

}  // extern "C"
