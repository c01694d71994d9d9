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
  description = "Name that the platform is reached by. Its A record is set to the output `address`."
  type        = string
  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain)) && length(var.domain) <= 64
    error_message = "A host name of at most 64 characters, such as films.example.com, is expected."
  }
}

variable "images_file" {
  description = "Path of a release's images.json: {service: REPOSITORY@sha256:DIGEST}. Another release, newer or older, is another file."
  type        = string
  validation {
    condition     = can(jsondecode(file(var.images_file)))
    error_message = "The path of a JSON file is expected, as releases have one: images.json."
  }
  validation {
    condition = try(alltrue([
      for image in values(jsondecode(file(var.images_file))) : can(regex("^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+@sha256:[0-9a-f]{64}$", image))
    ]), true)
    error_message = "REPOSITORY@sha256:DIGEST is expected of every image in the file; tags are refused."
  }
}

variable "secret_versions" {
  description = "Which version of each secret is used, by its name; 1 where it is not named. MongoDB's connection string is version 1 of catalog-url at first."
  type        = map(number)
  default     = {}
  validation {
    condition     = alltrue([for version in values(var.secret_versions) : version >= 1 && floor(version) == version])
    error_message = "Versions are whole numbers from 1 on."
  }
}

variable "scaling" {
  description = "What differs from this environment's own scaling, by service: min, max, cpu, memory, concurrency, gpu."
  type = map(object({
    min         = optional(number)
    max         = optional(number)
    cpu         = optional(number)
    memory      = optional(string)
    concurrency = optional(number)
    gpu         = optional(string)
  }))
  default = {}
  validation {
    condition     = length(setsubtract(keys(var.scaling), ["gateway", "gateway-grpc", "orchestrator", "orchestrator-data", "stage-asr", "stage-embed", "stage-media", "stage-vision"])) == 0
    error_message = "gateway, gateway-grpc, orchestrator, orchestrator-data, stage-asr, stage-embed, stage-media and stage-vision are scaled."
  }
}

variable "models" {
  description = "version: folder of the bucket of models that stages read. profile: what the job fills it with and stages use, bundled or standard. stages: other models for single stages, by id."
  type        = object({ version = string, profile = string, stages = optional(map(string), {}) })
  default     = { version = "1", profile = "bundled" }
  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9._-]{0,62}$", var.models.version)) && contains(["bundled", "standard"], var.models.profile) && alltrue([for stage, id in var.models.stages : can(regex("^[a-z0-9.-]+=[a-z0-9.-]+$", "${stage}=${id}"))])
    error_message = "A version of lower-case letters, digits, dots, underscores and hyphens is expected, the profile bundled or standard, and models by the names of their stages."
  }
}

variable "alert_emails" {
  description = "Who is told when something is wrong. Default: nobody."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for address in var.alert_emails : can(regex("^[^@\\s]+@[^@\\s]+$", address))])
    error_message = "E-mail addresses are expected."
  }
}
