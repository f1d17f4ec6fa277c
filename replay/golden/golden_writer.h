// Writes one profile of a golden set: until all of the new one is there, the old one is as it was.
//
// Putting the new one in its place is one rename a picture and then one for the manifest, which is
// written before them; a machine that stops among them leaves pictures of both beside the old
// manifest, whose digests tell which are not its own.
#pragma once

#include "replay/golden/folder_lock.h"
#include "replay/golden/golden_changes.h"
#include "replay/golden/manifest.h"

namespace vgpu {

struct GoldenTarget {
  std::filesystem::path folder{};
  std::string profile{};  // empty: the only one that is there, or kDefaultProfile
  bool update = false;    // what is there may be replaced
  bool dry_run = false;   // nothing is to be written into the folder
};

class GoldenWriter {
 public:
  // Makes the folder, and one for the new pictures: inside it, or where all other temporary files
  // are for a dry run, which makes no folder of its own. kUsage: the set has the profile and
  // `update` is false; it has several and none is named; the folder holds something else; the
  // profile's name is none. kFailed: another writer has the folder, which this one now keeps.
  static Result<GoldenWriter> Begin(const GoldenTarget& target);
  // Removes the new pictures unless Commit moved them, and the folders that were made for them.
  ~GoldenWriter();
  GoldenWriter(GoldenWriter&& other) noexcept;
  GoldenWriter& operator=(GoldenWriter&&) = delete;

  // Where pictures of frames and masks are written to, under the names that they will have.
  const std::filesystem::path& staging() const { return staging_; }
  const std::string& profile() const { return profile_; }
  // What is there of the set.
  const GoldenManifest& manifest() const { return manifest_; }
  // What is there of the profile; null: nothing.
  const GoldenProfile* old() const { return manifest_.Find(profile_); }

  // What Commit will change.
  Result<GoldenChanges> ChangesTo(GoldenProfile fresh) const;
  // Replaces the profile, and no other one: pictures of frames that are new or other ones, as
  // `changes` (ChangesTo's of the same `fresh`) say, move in; those of the old one that are not in
  // it go. The files are named after the profile and their frames, whatever `fresh` says; masks
  // move in where they are in `staging`.
  Status Commit(GoldenProfile fresh, const GoldenChanges& changes);

 private:
  GoldenWriter() = default;
  Status MakeFolder();
  Status Lock();
  Status Stage(const GoldenTarget& target);
  // With its name, its files' places, and each frame once.
  GoldenProfile Placed(GoldenProfile fresh) const;
  Status CheckFolderOf(const std::string& place) const;
  Status MoveIn(const std::string& place) const;
  Status MoveAllIn(const std::vector<std::string>& places) const;
  void RemoveWhatNobodyNames(const GoldenProfile& old) const;

  std::filesystem::path folder_;
  std::filesystem::path staging_;  // empty in one that was moved from
  std::string profile_;
  std::vector<std::filesystem::path> made_folders_;  // the innermost first
  FolderLock lock_;
  GoldenManifest manifest_;  // what is there
};

}  // namespace vgpu
