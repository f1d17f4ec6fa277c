#include "format/protocol/escape.h"

#include <gtest/gtest.h>

namespace vgpu {
namespace {

TEST(EscapeForTerminal, KeepsWhatIsShown) {
  EXPECT_EQ(EscapeForTerminal(""), "");
  EXPECT_EQ(EscapeForTerminal("plain \"text\" \\ ~"), "plain \"text\" \\ ~");
  EXPECT_EQ(EscapeForTerminal("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}

TEST(EscapeForTerminal, MarksWhatATerminalActsOn) {
  EXPECT_EQ(EscapeForTerminal("\x1b]0;title\x07"), R"(\x1b]0;title\x07)");
  EXPECT_EQ(EscapeForTerminal("one\ntwo\tthree\r\x7f"), R"(one\x0atwo\x09three\x0d\x7f)");
  EXPECT_EQ(EscapeForTerminal("\xc2\x9b"
                              "2J"),
            R"(\xc2\x9b2J)");
  EXPECT_EQ(EscapeForTerminal("\xe2\x80\xae\xe2\x81\xa6"), R"(\xe2\x80\xae\xe2\x81\xa6)");
}

TEST(EscapeForTerminal, MarksBytesThatAreNotUtf8) {
  EXPECT_EQ(EscapeForTerminal("a\xff\xc3"), R"(a\xff\xc3)");
  EXPECT_EQ(EscapeForTerminal("\xc0\xaf \xed\xa0\x80"), R"(\xc0\xaf \xed\xa0\x80)");
}

TEST(ReplaceInvalidUtf8, PutsOneCharacterForEachWrongByte) {
  EXPECT_EQ(ReplaceInvalidUtf8("dmg\xe9.vgpu"), "dmg\xef\xbf\xbd.vgpu");
  EXPECT_EQ(ReplaceInvalidUtf8("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_TRUE(IsUtf8(ReplaceInvalidUtf8("\xf4\x90\x80\x80")));
  EXPECT_EQ(ReplaceInvalidUtf8("caf\xc3\xa9\n"), "caf\xc3\xa9\n");
}

TEST(IsUtf8, RefusesWhatProtobufRefuses) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("\xf4\x8f\xbf\xbf"));
  for (const char* text :
       {"\xff", "\xc3", "\xc1\x81", "\xe0\x80\x80", "\xed\xbf\xbf", "\xf5\x80"}) {
    EXPECT_FALSE(IsUtf8(text)) << EscapeForTerminal(text);
  }
}

}  // namespace
}  // namespace vgpu
