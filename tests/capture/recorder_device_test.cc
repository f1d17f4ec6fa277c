// What our own device writes to the ring, as it comes out in the trace.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/recorder/translator.h"
#include "capture/ring/record_stream.h"
#include "tests/capture/recorder_support.h"

namespace vgpu {
namespace {

class RecorderDeviceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    reader_ = std::move(RingReader::Create(1 << 16, OnFull::kWait).value());
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets_), 0);
    writer_ = RingWriter::Attach(reader_->memfd(), sockets_[1]);
    ASSERT_NE(writer_, nullptr);
  }
  void TearDown() override {
    RingWriter::Detach(writer_);
    for (const int socket : sockets_) close(socket);
  }

  std::vector<proto::Packet> Translated() {
    test::CollectingSink sink;
    Translator translator(RendererOrigin{}, sink);
    RingReader::Record record;
    while (reader_->Next(record).value()) {
      const Status status = translator.Take(record.type, record.payload);
      EXPECT_TRUE(status) << status.error().message;
    }
    EXPECT_TRUE(translator.Finish({}, Translator::OpenCommand::kUnanswered));
    return sink.packets;
  }

  std::unique_ptr<RingReader> reader_;
  RingWriter* writer_ = nullptr;
  int sockets_[2] = {-1, -1};
};

TEST_F(RecorderDeviceTest, WhatStandsBetweenCommandsComesOutAsItWasWritten) {
  RecordStream out(*writer_);
  ring::SessionRecord session = {};
  session.source = ring::kSourceDevice;
  out.Session(session, "library", "host");
  const ring::GuestRegionEntry regions[] = {{0, 0xa0000, 1, 0, 0},
                                            {0x100000, 0x10000, 1, 0, 0xa0000}};
  out.GuestMemory(regions);
  const std::string edid = "edid";
  out.Display({1, 1, 0, 0, 640, 480, 0, 0}, std::as_bytes(std::span(edid)));
  out.Features(0x100000003);
  out.GuestMemory({});
  out.DedicatedHeap({2, 1, uint64_t{7} << 32, 0x100000, 0x1000, 1, 1, 0x4000});

  const auto packets = Translated();
  ASSERT_EQ(test::Outline(packets),
            "session guest_memory display features guest_memory "
            "dedicated_heap end");
  EXPECT_EQ(packets[1].guest_memory().ShortDebugString(),
            "region { size: 655360 heap: 1 } "
            "region { guest_address: 1048576 size: 65536 heap: 1 heap_offset: 655360 }");
  EXPECT_EQ(packets[2].display().width(), 640u);
  EXPECT_EQ(packets[2].display().edid(), edid);
  EXPECT_EQ(packets[3].features().bits(), 0x100000003u);
  EXPECT_EQ(packets[4].guest_memory().region_size(), 0);
  EXPECT_EQ(packets[5].dedicated_heap().ShortDebugString(),
            "heap: 2 id: 1 guest_address: 30064771072 size: 1048576 granularity: 4096 "
            "cache_mode: 1 read_only: true context_quota: 16384");
}

}  // namespace
}  // namespace vgpu
