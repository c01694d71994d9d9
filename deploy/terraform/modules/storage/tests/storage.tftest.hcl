mock_provider "google" {}

variables {
  project = "films-project"
  name    = "heimdex-test"
  region  = "europe-west4"
}

run "buckets" {
  command = apply
  assert {
    condition = alltrue([for bucket in google_storage_bucket.main : (
      bucket.uniform_bucket_level_access == true
      && bucket.public_access_prevention == "enforced"
      && bucket.versioning[0].enabled == true
      && bucket.force_destroy == false
      && bucket.location == "europe-west4"
    )])
    error_message = "uniform access, closed to the public, with versions, in the region, and not destroyed while something is in it"
  }
  assert {
    condition = alltrue([for bucket in google_storage_bucket.main :
      toset([for rule in bucket.lifecycle_rule : one(rule.action).type]) == toset(["Delete", "AbortIncompleteMultipartUpload"])
    ])
    error_message = "what was deleted and what was never finished goes"
  }
  assert {
    condition     = google_storage_bucket_iam_member.data.role == "roles/storage.objectAdmin" && google_storage_bucket_iam_member.data.bucket == google_storage_bucket.main["data"].name
    error_message = "the one account writes data"
  }
  assert {
    condition     = google_storage_bucket_iam_member.footage.role == "roles/storage.objectViewer" && google_storage_bucket_iam_member.footage.bucket == google_storage_bucket.main["footage"].name
    error_message = "the other one reads footage"
  }
}

run "refuses_to_keep_for_ever" {
  command = plan
  variables {
    keep_deleted_days = 10000
  }
  expect_failures = [var.keep_deleted_days]
}
