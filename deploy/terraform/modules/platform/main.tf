# All of Heimdex in one project: what the environments differ in comes in by variables.

data "google_project" "main" {
  project_id = var.project
}

locals {
  # Cloud Run's other address of a service, which is known before the service is there.
  host = { for service in ["gateway", "orchestrator", "orchestrator-data"] :
    service => "${var.name}-${service}-${data.google_project.main.number}.${var.region}.run.app"
  }
  subnet  = { network = module.network.network, subnetwork = module.network.subnetwork }
  secrets = module.secrets.secrets
  bus_ca  = "/etc/heimdex/bus/certificate.pem"
}

module "network" {
  source = "../network"
  name   = var.name
  region = var.region
}

module "secrets" {
  source   = "../secrets"
  name     = var.name
  region   = var.region
  versions = var.secret_versions
}

module "storage" {
  source    = "../storage"
  project   = var.project
  name      = var.name
  region    = var.region
  protected = var.protected
}

module "nats" {
  source    = "../nats"
  name      = "${var.name}-nats"
  project   = var.project
  zone      = "${var.region}-b"
  protected = var.protected
  network = {
    network    = module.network.network
    subnetwork = module.network.subnetwork
    cidr       = module.network.cidr
    dns_zone   = module.network.dns_zone
  }
  secrets = {
    password    = local.secrets["bus-password"]
    events      = local.secrets["events-password"]
    certificate = local.secrets["bus-certificate"]
    private_key = local.secrets["bus-private-key"]
  }
}

module "edge" {
  source = "../edge"
  name   = var.name
  region = var.region
  domain = var.domain
  services = {
    http = module.gateway.name
    grpc = module.gateway_grpc.name
  }
}

module "observability" {
  source       = "../observability"
  name         = var.name
  project      = var.project
  domain       = var.domain
  alert_emails = var.alert_emails
}
