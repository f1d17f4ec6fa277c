#include "replay/renderer/loaded_library.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstring>
#include <filesystem>
#include <span>

namespace vgpu {

namespace {

constexpr size_t kShownBytes = 6;  // of a build id of 20

size_t Padded(size_t size) { return (size + 3) / 4 * 4; }

// Of notes as ld.so has mapped them: the build id in hex, or nothing.
std::string BuildIdIn(std::span<const std::byte> notes) {
  ElfW(Nhdr) note;
  while (notes.size() >= sizeof(note)) {
    std::memcpy(&note, notes.data(), sizeof(note));
    notes = notes.subspan(sizeof(note));
    const size_t name = Padded(note.n_namesz), body = Padded(note.n_descsz);
    if (name > notes.size() || body > notes.size() - name) break;
    const bool gnu = note.n_namesz == sizeof("GNU") && std::memcmp(notes.data(), "GNU", 4) == 0;
    if (gnu && note.n_type == NT_GNU_BUILD_ID) {
      std::string hex;
      for (const std::byte byte :
           notes.subspan(name, std::min<size_t>(note.n_descsz, kShownBytes))) {
        hex += fmt::format("{:02x}", std::to_integer<int>(byte));
      }
      return hex;
    }
    notes = notes.subspan(name + body);
  }
  return "";
}

std::string BuildIdOf(const dl_phdr_info& object) {
  for (const ElfW(Phdr) & part : std::span(object.dlpi_phdr, object.dlpi_phnum)) {
    if (part.p_type != PT_NOTE) continue;
    const auto* notes = reinterpret_cast<const std::byte*>(object.dlpi_addr + part.p_vaddr);
    if (std::string id = BuildIdIn({notes, part.p_memsz}); !id.empty()) return id;
  }
  return "";
}

struct Search {
  std::string_view prefix;
  std::string found;
};

int Look(dl_phdr_info* object, size_t, void* data) {
  auto& search = *static_cast<Search*>(data);
  const std::filesystem::path path = object->dlpi_name;
  if (!path.filename().string().starts_with(search.prefix)) return 0;
  std::error_code error;
  const auto real = std::filesystem::canonical(path, error);
  search.found = (error ? path : real).filename().string();
  if (const std::string id = BuildIdOf(*object); !id.empty()) search.found += ", build " + id;
  return 1;
}

}  // namespace

std::string LoadedLibrary(std::string_view prefix) {
  Search search{prefix, ""};
  dl_iterate_phdr(Look, &search);
  return search.found;
}

}  // namespace vgpu
