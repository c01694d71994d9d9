# Every credential, without its value: values are added by `add-secret`, and never pass through Terraform. docs/guides/secrets.md says who reads each.

locals {
  # What each is. A key of this map is a secret's name; a name that is not here is refused.
  descriptions = {
    "catalog-url"      = "MongoDB connection string"
    "bus-password"     = "Password of NATS"
    "events-password"  = "Password of programs that follow events at NATS"
    "bus-certificate"  = "Certificate of NATS in PEM"
    "bus-private-key"  = "Private key of NATS in PEM"
    "blobs-access-key" = "Access id of the HMAC key of the data bucket"
    "blobs-secret-key" = "Secret of the HMAC key of the data bucket"
    "sources-s3"       = "Buckets that films are read from, with their HMAC keys, as JSON"
    "admin-key"        = "The first admin key"
    "stage-key"        = "Key of the stage services"
    "monitor-key"      = "Key of the autoscaler"
    "signing-key"      = "Signs URLs"
  }
}

resource "google_secret_manager_secret" "main" {
  for_each  = local.descriptions
  secret_id = "${var.name}-${each.key}"
  annotations = {
    description = each.value
  }
  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }
  lifecycle {
    precondition {
      condition     = length(setsubtract(keys(var.versions), keys(local.descriptions))) == 0
      error_message = "There is no secret ${join(", ", setsubtract(keys(var.versions), keys(local.descriptions)))}: the secrets are ${join(", ", keys(local.descriptions))}."
    }
  }
}
