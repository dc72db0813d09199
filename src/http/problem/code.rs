//! The codes of problems: for programs, stable, each with its meaning. There are no others.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Type, schema::Schema},
};

macro_rules! codes {
    ($($variant:ident = $word:literal, $meaning:literal;)+) => {
        /// What is wrong, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Code {
            $(#[doc = $meaning] $variant),+
        }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// For people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),+ }
            }
        }
    };
}

codes! {
    BadJson = "bad_json", "the body is not JSON; `errors` is empty";
    BadQuery = "bad_query", "a parameter of the query string is wrong; `errors` names it";
    NotMultipart = "not_multipart", "the body is not multipart/form-data";
    UploadCut = "upload_cut", "the upload broke off before its end";
    UploadStalled = "upload_stalled", "nothing came for too long";
    NotLoggedIn = "not_logged_in", "log in, or send a token";
    LoginFailed = "login_failed", "wrong username or password";
    Forbidden = "forbidden", "your roles do not allow this";
    NotYours = "not_yours", "others may do it, you may not";
    NotAssigned = "not_assigned", "the node waits for others";
    OtherOrigin = "other_origin", "a write with a cookie must come from this service's own pages";
    CallbackRefused = "callback_refused", "the callback's key or network is wrong";
    NotFound = "not_found", "there is nothing here, or nothing you may see";
    NoThumbnail = "no_thumbnail", "of this there is no thumbnail, or none of this size";
    MethodNotAllowed = "method_not_allowed", "this method is not possible here";
    NotNow = "not_now", "the flow does not stand where this can be done; `detail` says what would make it possible";
    FlowNotRunning = "flow_not_running", "the flow is archived, withdrawn, or sent back to its starter";
    AlreadyActed = "already_acted", "you have acted at this node already";
    MovedOn = "moved_on", "the flow has left the node meanwhile: look at it again";
    SealNode = "seal_node", "a seal node completes by itself";
    NotSentBack = "not_sent_back", "only a flow that was sent back is submitted again";
    PhotosMissing = "photos_missing", "photos are missing; `missing` lists them, and `errors` the required files fields that are empty";
    FieldRequired = "field_required", "a required files field is empty; `errors` names it";
    NotArchived = "not_archived", "the archive was asked for and could not be made; `detail` says why";
    NoDownloadField = "no_download_field", "the definition names no field for photos: download them";
    HasDownloadField = "has_download_field", "the photos go to a field: collect them there";
    NoPhotos = "no_photos", "no photo has come yet";
    NoSealUse = "no_seal_use", "the flow has no seal use yet";
    NotEditable = "not_editable", "the field takes no files from you now";
    PhotoDocument = "photo_document", "a photo is not taken out of its field";
    NothingToAppendTo = "nothing_to_append_to", "no seal use takes more uses";
    NothingToEnd = "nothing_to_end", "no seal use can be ended";
    NothingOpen = "nothing_open", "no seal can be used just now";
    NothingToResolve = "nothing_to_resolve", "the seal use does not stand still";
    SealUseEnding = "seal_use_ending", "the seal use is being ended, or nobody waits for it any more";
    NoEnding = "no_ending", "nobody asked for the end of this seal use";
    OtherSerialNo = "other_serial_no", "that business at the vendor has another serial number";
    BusinessTaken = "business_taken", "that business at the vendor belongs to another seal use";
    NameTaken = "name_taken", "there is one of this name already";
    FolderInUse = "folder_in_use", "a definition points at the folder";
    FolderNotEmpty = "folder_not_empty", "the folder still has folders or documents in it";
    TooLarge = "too_large", "a file is larger than may be";
    TooManyFiles = "too_many_files", "more files at once than may be";
    Invalid = "invalid", "members of the input are wrong; `errors` names them";
    ContactMissing = "contact_missing", "nobody has an employee number or a mobile phone by which the vendor knows them";
    Unassignable = "unassignable", "nobody could take a node of this flow; `errors` says which";
    EmptyFile = "empty_file", "a file has no bytes";
    NotAnImage = "not_an_image", "photos are pictures";
    NotAFilesField = "not_a_files_field", "the field does not take files";
    Internal = "internal", "the service failed; its log says why";
    VendorFailed = "vendor_failed", "the vendor refused, failed or did not answer; `detail` has its words";
    StillCollecting = "still_collecting", "photos are still being brought in: come again";
    Busy = "busy", "as much as may be is being done: come again";
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let meanings: Vec<String> =
            Self::ALL.iter().map(|code| format!("* `{}`: {}", code.as_str(), code.meaning())).collect();
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some(format!("Stable, for programs.\n\n{}", meanings.join("\n"))))
            .into()
    }
}

impl ToSchema for Code {}
