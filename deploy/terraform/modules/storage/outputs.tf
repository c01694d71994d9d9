output "buckets" {
  description = "Names of the buckets `data`, `footage` and `models`."
  value       = { for kind, bucket in google_storage_bucket.main : kind => bucket.name }
}

output "hmac_accounts" {
  description = "Service accounts whose HMAC keys the S3 interface is used with: `data` and `footage`."
  value = {
    data    = google_service_account.data.email
    footage = google_service_account.footage.email
  }
}
