#include "format/protocol/virtio_gpu.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace vgpu {
namespace {

constexpr CommandType kAllCommands[] = {
#define VGPU_COMMAND(NAME, value, queue, feature, Request, OK_RESPONSE, Trailing) CommandType::NAME,
#include "format/protocol/virtio_gpu.def"
};

TEST(CommandTable, FindsEveryCommandByTypeAndByName) {
  std::set<std::string_view> names;
  for (const CommandType type : kAllCommands) {
    const CommandInfo* info = FindCommand(static_cast<uint32_t>(type));
    ASSERT_NE(info, nullptr);
    EXPECT_EQ(info->type, type);
    EXPECT_EQ(FindCommand(info->name), info);
    EXPECT_EQ(CommandName(type), info->name);
    names.insert(info->name);
  }
  EXPECT_EQ(names.size(), 27u);  // 26 of the specification, one of the draft of 2019
}

TEST(CommandTable, HasWhatTheSpecificationSaysOfASubmit) {
  const CommandInfo* info = FindCommand(0x0207u);
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->name, "SUBMIT_3D");
  EXPECT_EQ(info->queue, Queue::kControl);
  EXPECT_EQ(info->request_size, 32u);
  EXPECT_EQ(info->ok_response, ResponseType::OK_NODATA);
  EXPECT_EQ(info->trailing, Trailing::kStream);
}

TEST(CommandTable, PutsCursorCommandsOnTheCursorQueue) {
  EXPECT_EQ(FindCommand("UPDATE_CURSOR")->queue, Queue::kCursor);
  EXPECT_EQ(FindCommand("MOVE_CURSOR")->queue, Queue::kCursor);
}

TEST(CommandTable, KnowsNoCommandOutsideTheTable) {
  EXPECT_EQ(FindCommand(0u), nullptr);
  EXPECT_EQ(FindCommand(0x010eu), nullptr);
  EXPECT_EQ(FindCommand(0x020bu), nullptr);
  EXPECT_EQ(FindCommand(0x1100u), nullptr);
  EXPECT_EQ(FindCommand("resource_flush"), nullptr);
  EXPECT_EQ(FindCommand(""), nullptr);
}

TEST(CommandName, ShowsTheNumberOfAnUnknownType) {
  EXPECT_EQ(CommandName(static_cast<CommandType>(0x0abc)), "0x0abc");
  EXPECT_EQ(CommandName(static_cast<CommandType>(0xffffffff)), "0xffffffff");
}

TEST(ResponseName, KnowsEveryResponseAndNoMore) {
  EXPECT_EQ(ResponseName(0x1100), "OK_NODATA");
  EXPECT_EQ(ResponseName(0x1106), "OK_MAP_INFO");
  EXPECT_EQ(ResponseName(0x1205), "ERR_INVALID_PARAMETER");
  EXPECT_EQ(ResponseName(0x1106, 0x020a), "OK_ALLOCATION_METADATA");
  EXPECT_EQ(ResponseName(0x1106, 0x0208), "OK_MAP_INFO");
  EXPECT_EQ(ResponseName(0x1107), std::nullopt);
  EXPECT_EQ(ResponseName(0x0104), std::nullopt);
}

TEST(WireIntegers, LieLittleEndianOnTheWire) {
  wire::CtrlHeader header;
  header.type = 0x01020304;
  header.fence_id = 0x1122334455667788;
  const Bytes bytes = StructBytes(header);
  EXPECT_EQ(std::to_integer<int>(bytes[0]), 4);
  EXPECT_EQ(std::to_integer<int>(bytes[3]), 1);
  EXPECT_EQ(std::to_integer<int>(bytes[8]), 0x88);
  EXPECT_EQ(std::to_integer<int>(bytes[15]), 0x11);
}

TEST(ReadStruct, ReadsAtAnyOffsetAndNothingThatDoesNotFit) {
  std::byte bytes[33] = {};
  bytes[9] = std::byte{7};
  const auto whole = ReadStruct<wire::CtrlHeader>(bytes, 9);
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->type, 7u);
  EXPECT_FALSE(ReadStruct<wire::CtrlHeader>(bytes, 10).has_value());
  EXPECT_FALSE(ReadStruct<wire::CtrlHeader>(bytes, SIZE_MAX).has_value());
}

}  // namespace
}  // namespace vgpu
