variable "name" {
  description = "Prefix of everything's name."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,10}[a-z0-9]$", var.name))
    error_message = "3 to 12 lower-case letters, digits and hyphens are expected: names of service accounts have 30, with what each is for."
  }
}

variable "project" {
  description = "Id of the Google Cloud project."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "A project id of 6 to 30 lower-case letters, digits and hyphens is expected."
  }
}

variable "region" {
  description = "Region that everything is in."
  type        = string
  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "A region such as europe-west4 is expected."
  }
}

variable "domain" {
  description = "Name that the platform is reached by."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain)) && length(var.domain) <= 64
    error_message = "A host name of at most 64 characters, such as films.example.com, is expected."
  }
}

variable "images" {
  description = "Image of each service by digest, as images.json of a release has them."
  type        = map(string)
  validation {
    condition     = length(setsubtract(["autoscaler", "cli", "gateway", "orchestrator", "stage-asr", "stage-embed", "stage-media", "stage-vision"], keys(var.images))) == 0
    error_message = "An image is missing: autoscaler, cli, gateway, orchestrator, stage-asr, stage-embed, stage-media and stage-vision are expected."
  }
  validation {
    condition     = alltrue([for image in values(var.images) : can(regex("^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$", image))])
    error_message = "REPOSITORY@sha256:DIGEST is expected of every image; tags are refused."
  }
}

variable "secret_versions" {
  description = "Which version of each secret is used, by its name; 1 where it is not named."
  type        = map(number)
  default     = {}
}

variable "scaling" {
  description = "Of each service: min and max instances, cpu, memory, concurrency, gpu. modules/service says what each is."
  type = map(object({
    min         = number
    max         = number
    cpu         = number
    memory      = string
    concurrency = number
    gpu         = optional(string, "")
  }))
  validation {
    condition     = toset(keys(var.scaling)) == toset(["gateway", "gateway-grpc", "orchestrator", "orchestrator-data", "stage-asr", "stage-embed", "stage-media", "stage-vision"])
    error_message = "One block each is expected for gateway, gateway-grpc, orchestrator, orchestrator-data, stage-asr, stage-embed, stage-media and stage-vision."
  }
  validation {
    condition     = alltrue([for service, block in var.scaling : block.gpu == "" || contains(["stage-asr", "stage-vision"], service)])
    error_message = "Only stage-asr and stage-vision have use for a GPU."
  }
  validation {
    condition     = alltrue([for service in ["orchestrator", "orchestrator-data"] : try(var.scaling[service].min, 0) >= 1])
    error_message = "The orchestrator plans, heals and indexes without being asked: at least one instance of it always runs."
  }
}

variable "models" {
  description = "version: folder of the bucket of models that stages read; another one is filled before it is named here. profile: what the job fills it with and stages use. stages: other models for single stages, by id."
  type        = object({ version = string, profile = string, stages = optional(map(string), {}) })
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{0,62}$", var.models.version)) && contains(["bundled", "standard"], var.models.profile) && alltrue([for stage, id in var.models.stages : can(regex("^[a-z0-9.-]+=[a-z0-9.-]+$", "${stage}=${id}"))])
    error_message = "A version of lower-case letters, digits, dots, underscores and hyphens is expected, the profile bundled or standard, and models by the names of their stages."
  }
}

variable "alert_emails" {
  description = "Who is told when something is wrong."
  type        = list(string)
  default     = []
}

variable "protected" {
  description = "Whether services, machines and filled buckets refuse to be destroyed."
  type        = bool
  default     = true
}
