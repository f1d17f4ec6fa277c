#include "format/protocol/print.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "format/protocol/decode.h"
#include "format/protocol/virgl.h"
#include "tests/format/protocol/virgl_stream.h"

namespace vgpu {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::byte> Submit(const std::vector<uint32_t>& words, uint32_t ctx_id = 1) {
  auto request = MakeRequest<wire::Submit3d>(CommandType::SUBMIT_3D, ctx_id);
  request.size = static_cast<uint32_t>(words.size() * 4);
  return EncodeRequest(request, std::as_bytes(std::span(words)));
}

// Parses, and fails on a key that an object has twice, which a parser would hide.
nlohmann::json ParseStrictly(const std::string& text) {
  std::vector<std::set<std::string>> keys;
  std::string twice;
  const auto parsed = nlohmann::json::parse(
      text,
      [&](int, nlohmann::json::parse_event_t event, nlohmann::json& value) {
        if (event == nlohmann::json::parse_event_t::object_start) keys.emplace_back();
        if (event == nlohmann::json::parse_event_t::object_end) keys.pop_back();
        if (event == nlohmann::json::parse_event_t::key &&
            !keys.back().insert(value.get<std::string>()).second) {
          twice = value.get<std::string>();
        }
        return true;
      },
      false);
  EXPECT_FALSE(parsed.is_discarded()) << text;
  EXPECT_EQ(twice, "") << text;
  return parsed;
}

nlohmann::json StreamJson(const VirglStream& stream) {
  return ParseStrictly(RequestJson(Submit(stream.words())))["stream"];
}

std::string StreamText(const VirglStream& stream) { return RequestText(Submit(stream.words())); }

uint32_t FloatBits(float value) { return std::bit_cast<uint32_t>(value); }

// Every command with its least length, and every object.
std::vector<VirglStream> AllVirglCommands(uint32_t fill) {
  std::vector<VirglStream> out;
  for (uint32_t value = 0; FindVirglCommand(value) != nullptr; ++value) {
    if (value == 1) continue;
    out.push_back(
        VirglStream().Add(value, std::vector<uint32_t>(FindVirglCommand(value)->min_length, fill)));
  }
  for (uint32_t object = 1; FindVirglObject(object) != nullptr; ++object) {
    out.push_back(VirglStream().Add(
        1, std::vector<uint32_t>(FindVirglObject(object)->min_length, fill), object));
  }
  return out;
}

TEST(VirglFieldLists, TakeTheLeastLengthOfTheirCommandAndNoMore) {
  for (const VirglStream& stream : AllVirglCommands(0)) {
    const std::string text = StreamText(stream);
    EXPECT_THAT(text, Not(HasSubstr("!"))) << text;
    // The least marker is one dword of text; here its length says 0.
    if (text.find("SEND_STRING_MARKER") != std::string::npos) continue;
    EXPECT_THAT(text, Not(HasSubstr("extra"))) << text;
  }
}

TEST(VirglFieldLists, MakeJsonWithUniqueKeysForAnyContent) {
  for (const uint32_t fill : {0u, 1u, 0x7fffffffu, 0xffffffffu}) {
    for (const VirglStream& stream : AllVirglCommands(fill)) StreamJson(stream);
  }
}

TEST(VirglFieldLists, ShowDwordsThatTheCommandDoesNotNeed) {
  EXPECT_THAT(StreamText(VirglStream().Add(28, {1, 0xabcd})),
              HasSubstr("SET_SUB_CTX sub_ctx=1 extra=<4 bytes: cd ab 00 00>"));
}

TEST(VirglFieldLists, SplitBitFieldsIntoWholeDwords) {
  // All bits set: a part that is too wide or too narrow would leave or eat a bit.
  for (const VirglStream& stream : AllVirglCommands(0xffffffff)) {
    const nlohmann::json json = StreamJson(stream)[0];
    if (json["command"] != "CREATE_OBJECT" || json["object"] != "RASTERIZER") continue;
    EXPECT_EQ(json["force_persample_interp"], 1);
    EXPECT_EQ(json["line_stipple_pattern"], 0xffff);
    EXPECT_EQ(json["clip_plane_enable"], 0xff);
    EXPECT_EQ(json["cull_face"], "FRONT_AND_BACK");
    return;
  }
  FAIL() << "no rasterizer was printed";
}

// The widths inside each brace must add up to the 32 bits of a dword.
TEST(VirglFieldLists, GiveEveryBitOfADwordAName) {
  const auto check = [](std::string_view fields) {
    for (std::size_t at = 0; (at = fields.find('{', at)) != std::string_view::npos; ++at) {
      const std::string_view parts = fields.substr(at + 1, fields.find('}', at) - at - 1);
      unsigned sum = 0;
      for (std::size_t colon = 0; (colon = parts.find(':', colon)) != std::string_view::npos;) {
        ++colon;
        if (std::isdigit(parts[colon])) sum += std::stoul(std::string(parts.substr(colon, 2)));
      }
      EXPECT_EQ(sum, 32u) << parts;
    }
  };
  for (uint32_t i = 0; FindVirglCommand(i) != nullptr; ++i) check(FindVirglCommand(i)->fields);
  for (uint32_t i = 0; FindVirglObject(i) != nullptr; ++i) check(FindVirglObject(i)->fields);
}

TEST(PrintVirgl, SaysWhichFieldACountLiesAbout) {
  const VirglStream stream = VirglStream().Add(5, {0xffffffff, 0, 7, 8});
  EXPECT_THAT(StreamText(stream), HasSubstr("cbufs=[7 8]"));
  EXPECT_THAT(StreamText(stream), HasSubstr("! the command ends before its field surface"));
  EXPECT_EQ(StreamJson(stream)[0]["problem"], "the command ends before its field surface");
}

TEST(PrintVirgl, LeavesOutOptionalFieldsOfShortCommands) {
  const auto keys = [](std::size_t length) {
    return StreamJson(VirglStream().Add(8, std::vector<uint32_t>(length)))[0];
  };
  EXPECT_FALSE(keys(12).contains("vertices_per_patch"));
  EXPECT_TRUE(keys(14).contains("drawid"));
  EXPECT_FALSE(keys(14).contains("indirect"));
  EXPECT_TRUE(keys(20).contains("indirect_draw_count_buffer"));
  EXPECT_FALSE(keys(12).contains("problem"));
}

TEST(PrintVirgl, ShowsShaderSourceAsText) {
  const std::string source = "VERT\nDCL IN[0]\n  0: END\n";
  std::vector<uint32_t> words = {3, 0, static_cast<uint32_t>(source.size() + 1), 300, 0};
  for (std::size_t i = 0; i <= source.size(); i += 4) {
    uint32_t word = 0;
    source.copy(reinterpret_cast<char*>(&word), 4, i);
    words.push_back(word);
  }
  const VirglStream stream = VirglStream().Add(1, words, 4);
  EXPECT_THAT(StreamText(stream), HasSubstr("stage=VERTEX bytes=25 continued=0 num_tokens=300"));
  EXPECT_THAT(StreamText(stream),
              HasSubstr("\n        VERT\n        DCL IN[0]\n          0: END\n"));
  EXPECT_EQ(StreamJson(stream)[0]["source"], source);
}

TEST(PrintVirgl, TellsStreamOutputsFromLocalMemoryByTheStage) {
  std::vector<uint32_t> words = {3, 5, 0, 0, 2};
  EXPECT_EQ(StreamJson(VirglStream().Add(1, words, 4))[0]["local_memory"], 2);
  words = {3, 0, 0, 0, 1, 16, 0, 0, 0, 1u | 4u << 10 | 8u << 16, 2};
  const nlohmann::json json = StreamJson(VirglStream().Add(1, words, 4))[0];
  EXPECT_EQ(json["strides"], nlohmann::json({16, 0, 0, 0}));
  EXPECT_EQ(json["outputs"][0]["output"]["register"], 1);
  EXPECT_EQ(json["outputs"][0]["output"]["num_components"], 4);
  EXPECT_EQ(json["outputs"][0]["output"]["dst_offset"], 8);
  EXPECT_EQ(json["outputs"][0]["stream"], 2);
}

TEST(PrintVirgl, ReadsFloatsDoublesAndSignedNumbers) {
  const uint64_t depth = std::bit_cast<uint64_t>(0.25);
  const VirglStream stream =
      VirglStream()
          .Add(7, {5, FloatBits(1), FloatBits(0.5), 0, FloatBits(-2), static_cast<uint32_t>(depth),
                   static_cast<uint32_t>(depth >> 32), 3})
          .Add(8, {0, 3, 4, 1, 1, 0xfffffffe, 0, 0, 0, 0, 0, 0});
  EXPECT_THAT(StreamText(stream),
              HasSubstr("CLEAR buffers=DEPTH|COLOR0 color=[1 0.5 0 -2] depth=0.25 stencil=3"));
  EXPECT_THAT(StreamText(stream),
              HasSubstr("mode=TRIANGLES indexed=1 instance_count=1 index_bias=-2"));
}

TEST(PrintVirgl, StopsAMarkerAtItsLength) {
  const VirglStream stream = VirglStream().Add(51, {3, 0x64636261, 0x68676665});
  EXPECT_EQ(StreamJson(stream)[0]["marker"], "abc");
  const VirglStream lies = VirglStream().Add(51, {0xffffffff, 0x64636261});
  EXPECT_EQ(StreamJson(lies)[0]["marker"], "abcd");
}

TEST(Print, ShowsAStreamsProblemAfterItsGoodCommands) {
  const VirglStream stream = VirglStream().Add(28, {1}).Add(99, {});
  EXPECT_EQ(StreamText(stream),
            "SUBMIT_3D ctx=1 size=12\n"
            "  @0 SET_SUB_CTX sub_ctx=1\n"
            "  ! dword 2: command 99 is unknown, the last known is 63\n");
  const auto json = ParseStrictly(RequestJson(Submit(stream.words())));
  EXPECT_EQ(json["problem"], "dword 2: command 99 is unknown, the last known is 63");
  EXPECT_EQ(json["stream"].size(), 1u);
}

TEST(Print, LeavesOutTheStreamWhereAsked) {
  const auto request = Submit(VirglStream().Add(28, {1}).words());
  EXPECT_EQ(RequestText(request, {.stream = false}), "SUBMIT_3D ctx=1 size=8\n");
  EXPECT_FALSE(ParseStrictly(RequestJson(request, {.stream = false})).contains("stream"));
}

TEST(Print, ShowsAsMuchInlineDataAsAsked) {
  const VirglStream stream =
      VirglStream().Add(9, {1, 0, 0, 0, 0, 0, 0, 0, 8, 1, 1, 0x03020100, 0x07060504});
  const auto request = Submit(stream.words());
  EXPECT_THAT(RequestText(request, {.data_bytes = 3}), HasSubstr("data=<8 bytes: 00 01 02 ...>"));
  EXPECT_THAT(RequestText(request, {.data_bytes = 8}), HasSubstr(" 06 07>"));
  EXPECT_THAT(RequestText(request, {.data_bytes = 0}), HasSubstr("data=<8 bytes>"));
  const auto json = ParseStrictly(RequestJson(request, {.data_bytes = 3}));
  EXPECT_EQ(json["stream"][0]["data"], nlohmann::json({{"bytes", 8}, {"head", "000102"}}));
}

TEST(Print, SaysHowManyEntriesItLeftOut) {
  auto request = MakeRequest<wire::AttachBacking>(CommandType::RESOURCE_ATTACH_BACKING);
  request.nr_entries = 5;
  const auto bytes = EncodeRequest(request, std::vector<wire::MemEntry>(5));
  const auto json = ParseStrictly(RequestJson(bytes, {.entries = 2}));
  EXPECT_EQ(json["entries"].size(), 2u);
  EXPECT_EQ(json["entries_left_out"], 3);
  EXPECT_FALSE(ParseStrictly(RequestJson(bytes)).contains("entries_left_out"));
}

TEST(Print, SaysWhyARequestDoesNotDecode) {
  EXPECT_EQ(RequestText({}), "MALFORMED\n  ! the request has 0 bytes, its header needs 24\n");
  auto bytes = EncodeRequest(MakeRequest<wire::ResourceFlush>(CommandType::RESOURCE_FLUSH));
  bytes.resize(40);
  EXPECT_EQ(RequestText(bytes),
            "RESOURCE_FLUSH\n  ! RESOURCE_FLUSH: the request has 40 bytes, it needs 48\n");
  EXPECT_EQ(ParseStrictly(RequestJson(bytes))["command"], "RESOURCE_FLUSH");
}

TEST(Print, EscapesWhatATerminalWouldActOn) {
  auto request = MakeRequest<wire::CtxCreate>(CommandType::CTX_CREATE, 1);
  const std::string name = "a\"b\\\x1b[2J\x7f";
  std::copy(name.begin(), name.end(), request.debug_name);
  EXPECT_THAT(RequestText(EncodeRequest(request)), HasSubstr(R"(debug_name="a\"b\\\x1b[2J\x7f")"));
  EXPECT_EQ(ParseStrictly(RequestJson(EncodeRequest(request)))["debug_name"], name);
}

TEST(Print, MakesValidJsonOfTextThatIsNotUtf8) {
  const struct {
    std::string text, expected;
  } cases[] = {
      {"\xc3\xa9", "\xc3\xa9"},                  // two bytes
      {"\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82"},  // four bytes
      {"a\xff"
       "b",
       "a\xef\xbf\xbd"
       "b"},                                                     // no lead byte
      {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},                  // overlong
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},  // surrogate
      {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"x\xe2\x82", "x\xef\xbf\xbd\xef\xbf\xbd"},  // cut at the end
      {"\x01\n\t", "\x01\n\t"},
  };
  for (const auto& c : cases) {
    auto request = MakeRequest<wire::CtxCreate>(CommandType::CTX_CREATE, 1);
    std::copy(c.text.begin(), c.text.end(), request.debug_name);
    EXPECT_EQ(ParseStrictly(RequestJson(EncodeRequest(request)))["debug_name"], c.expected);
  }
}

TEST(Print, WritesNumbersThatJsonLacksAsStrings) {
  const VirglStream stream =
      VirglStream().Add(14, {FloatBits(std::numeric_limits<float>::infinity()),
                             FloatBits(-std::numeric_limits<float>::infinity()),
                             FloatBits(std::nanf("")), FloatBits(1e-45F)});
  const nlohmann::json color = StreamJson(stream)[0]["color"];
  EXPECT_EQ(color[0], "inf");
  EXPECT_EQ(color[1], "-inf");
  EXPECT_EQ(color[2], "nan");
  EXPECT_GT(color[3].get<double>(), 0);
}

TEST(Print, SeparatesRecordsOfOneJsonSink) {
  std::string out = "[";
  JsonSink sink(out);
  const auto request = EncodeRequest(MakeRequest<wire::HeaderOnly>(CommandType::GET_DISPLAY_INFO));
  PrintRequest(request, {}, sink);
  PrintRequest(request, {}, sink);
  EXPECT_EQ(ParseStrictly(out + "]").size(), 2u);
}

}  // namespace
}  // namespace vgpu
