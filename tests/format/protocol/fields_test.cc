#include "format/protocol/fields.h"

#include <gtest/gtest.h>

#include <set>

#include "format/protocol/virgl.h"

namespace vgpu {
namespace {

TEST(ValueNames, NameTargetsFormatsAndCapsets) {
  EXPECT_EQ(ValueName(FieldKind::kTarget, 7), "2D_ARRAY");
  EXPECT_EQ(ValueName(FieldKind::kFormat, 1), "B8G8R8A8_UNORM");
  EXPECT_EQ(ValueName(FieldKind::kCapset, 4), "VENUS");
  EXPECT_EQ(ValueName(FieldKind::kCommandType, 0x0104), "RESOURCE_FLUSH");
  EXPECT_EQ(ValueName(FieldKind::kCommandType, 0x1200), "ERR_UNSPEC");
}

TEST(ValueNames, HaveNoneForUnknownValues) {
  EXPECT_EQ(ValueName(FieldKind::kTarget, 9), std::nullopt);
  EXPECT_EQ(ValueName(FieldKind::kFormat, 307), std::nullopt);
  EXPECT_EQ(ValueName(FieldKind::kNumber, 1), std::nullopt);
}

TEST(FlagNames, JoinKnownBitsAndShowTheOthersInHex) {
  EXPECT_EQ(FlagNames(FieldKind::kBind, 0), "0");
  EXPECT_EQ(FlagNames(FieldKind::kBind, 0x8a), "RENDER_TARGET|SAMPLER_VIEW|DISPLAY_TARGET");
  EXPECT_EQ(FlagNames(FieldKind::kBind, 0x00800402), "RENDER_TARGET|0x800400");
}

TEST(StructTable, CoversEveryByteOfEveryStruct) {
  for (uint32_t type = 0; type < 0x400; ++type) {
    const StructInfo* info = RequestStruct(static_cast<CommandType>(type));
    if (info == nullptr) continue;
    std::size_t next = 0;
    for (const FieldInfo& field : info->fields) {
      EXPECT_EQ(field.offset, next) << info->name << '.' << field.name;
      next += std::size_t{field.size} * field.count;
    }
    EXPECT_EQ(next, info->size) << info->name;
    EXPECT_EQ(info->size, FindCommand(type)->request_size);
  }
}

TEST(FormatTable, HasTheFormatsThatVirtioGpuNames) {
  EXPECT_EQ(FindFormat(1)->name, "B8G8R8A8_UNORM");
  EXPECT_EQ(FindFormat(2)->name, "B8G8R8X8_UNORM");
  EXPECT_EQ(FindFormat(3)->name, "A8R8G8B8_UNORM");
  EXPECT_EQ(FindFormat(4)->name, "X8R8G8B8_UNORM");
  EXPECT_EQ(FindFormat(67)->name, "R8G8B8A8_UNORM");
  EXPECT_EQ(FindFormat(68)->name, "X8B8G8R8_UNORM");
  EXPECT_EQ(FindFormat(121)->name, "A8B8G8R8_UNORM");
  EXPECT_EQ(FindFormat(134)->name, "R8G8B8X8_UNORM");
}

TEST(FormatTable, NamesNewerFormatsWithoutABlock) {
  EXPECT_EQ(FormatName(1), "B8G8R8A8_UNORM");
  EXPECT_EQ(FormatName(480), "Y12X4_U12X4_V12X4_444_UNORM");
  EXPECT_EQ(FormatName(481), std::nullopt);
  EXPECT_EQ(FindFormat(480), nullptr);
  EXPECT_EQ(ValueName(FieldKind::kFormat, 322), FormatName(322));
}

TEST(FormatTable, NamesEachFormatOnceAndGivesItABlock) {
  std::set<std::string_view> names;
  for (uint32_t value = 0; value < 512; ++value) {
    const FormatInfo* format = FindFormat(value);
    if (format == nullptr) continue;
    EXPECT_EQ(format->value, value);
    EXPECT_TRUE(names.insert(format->name).second) << format->name;
    EXPECT_GT(format->block_width, 0);
    EXPECT_GT(format->block_height, 0);
    EXPECT_GT(format->block_bytes, 0);
  }
  EXPECT_EQ(names.size(), 313u);
}

// "R5G6B5" is 16 bits. Padding bits that a name leaves out make the block larger, never smaller.
TEST(FormatTable, ChannelsFillTheBlock) {
  for (uint32_t value = 0; value < 512; ++value) {
    const FormatInfo* format = FindFormat(value);
    if (format == nullptr || format->channels.empty()) continue;
    unsigned bits = 0, number = 0;
    for (const char c : format->channels) {
      if (c >= '0' && c <= '9') {
        number = number * 10 + static_cast<unsigned>(c - '0');
      } else {
        bits += number;
        number = 0;
      }
    }
    bits += number;
    const unsigned texels = format->block_width;
    if (format->name == "Z32_FLOAT_S8X24_UINT" || texels == 1) {
      EXPECT_EQ(bits, format->block_bytes * 8u) << format->name;
    } else {
      EXPECT_LE(bits, format->block_bytes * 8u) << format->name;
    }
  }
}

TEST(FormatTable, CountsCompressedFormatsInBlocks) {
  const FormatInfo* astc = FindFormat(291);
  EXPECT_EQ(astc->name, "ASTC_12x10");
  EXPECT_EQ(astc->block_width, 12);
  EXPECT_EQ(astc->block_height, 10);
  EXPECT_EQ(astc->block_bytes, 16);
  EXPECT_EQ(FindFormat(105)->block_bytes, 8);
  EXPECT_TRUE(FindFormat(105)->channels.empty());
}

}  // namespace
}  // namespace vgpu
